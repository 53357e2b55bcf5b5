#!/usr/bin/env bash
# Installs integrations/ into a directory of its own, and lets systemd look at the units; every
# program runs from there and says what it is for.
#
# Usage: units_test.sh BUILD_DIRECTORY   (exit 4: skipped)
set -euo pipefail
skip() { echo "SKIPPED: $*"; exit 4; }
command -v systemd-analyze >/dev/null || skip "systemd-analyze is not installed"

build=$(realpath "$1")
work=$(mktemp -d /tmp/cj-units-XXXXXX)
trap 'rm -rf --one-file-system "$work"' EXIT
# The units name what they start below the prefix, so that is where it has to be.
cmake --install "$build/integrations" --prefix "$work/usr" >/dev/null
for program in bup borg restic rsync tar untar; do
  help=$("$work/usr/bin/changejournal-$program" --help)
  [[ $help == *"exit status"* ]] || { echo "$program --help says no exit status"; exit 1; }
done
ln -s /bin/true "$work/usr/bin/changectl"
units=$work/usr/lib/systemd/system
said=$(systemd-analyze verify --man=no "$units/changejournal-mirror@nightly.service" \
  "$units/changejournal-mirror@nightly.timer" 2>&1) || { echo "$said"; exit 1; }
if grep changejournal-mirror <<<"$said"; then
  echo "systemd-analyze verify complains"
  exit 1
fi
echo "units and programs are sound"
