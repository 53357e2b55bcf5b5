#!/usr/bin/env bash
# Installs the build into a copy-on-write image of this system, boots that under systemd, and does
# there what the README says (container_steps.sh). Nothing outside of a temporary directory changes.
#
# Usage: container_test.sh BUILD_DIRECTORY   (root; exit 4: skipped)
set -euo pipefail
source_directory=$(cd "$(dirname "$0")" && pwd)
build=$(realpath "$1")

skip() { echo "SKIPPED: $*"; exit 4; }
[ "$(id -u)" -eq 0 ] || skip "a container under systemd needs root"
command -v systemd-nspawn >/dev/null || skip "systemd-nspawn is not installed"
[ -x /lib/systemd/systemd ] || skip "systemd is not installed"
# A mount namespace of its own: whatever happens, nothing stays mounted.
if [ -z "${CJ_INSIDE:-}" ]; then
  exec env CJ_INSIDE=1 unshare --mount --propagation=private "$0" "$@"
fi

work=$(mktemp -d /tmp/cj-container-XXXXXX)
# Lazily: what the container has left behind goes with the namespace.
clean() {
  umount -R -l "$work/system" "$work/volume" "$work/layer" 2>/dev/null
  rm -rf --one-file-system "$work"
}
trap clean EXIT
mkdir "$work"/{layer,system,volume,result}
mount -t tmpfs -o mode=0755 layer "$work/layer"
mkdir "$work"/layer/{upper,work}
mount -t overlay -o "lowerdir=/,upperdir=$work/layer/upper,workdir=$work/layer/work" overlay \
  "$work/system" || skip "no overlay over this root filesystem"
truncate -s 256M "$work/volume.img"
mkfs.ext4 -q "$work/volume.img"
mount -o loop "$work/volume.img" "$work/volume"

DESTDIR=$work/system cmake --install "$build" --prefix /usr >"$work/result/install.log"
cp "$source_directory/container_steps.sh" "$work/result/"
cat >"$work/system/etc/systemd/system/steps.service" <<'UNIT'
[Unit]
After=multi-user.target
SuccessAction=exit-force
FailureAction=exit-force
[Service]
Type=oneshot
ExecStart=/bin/bash /result/container_steps.sh
StandardOutput=file:/result/output
StandardError=inherit
TimeoutStartSec=240
UNIT
mkdir -p "$work/system/etc/systemd/system/steps.target.wants"
printf '[Unit]\nRequires=multi-user.target\nWants=steps.service\n' \
  >"$work/system/etc/systemd/system/steps.target"

timeout 300 systemd-nspawn --quiet --directory="$work/system" --machine="cj-$$" \
  --bind="$work/volume:/mnt/watched" --bind="$work/result:/result" \
  --boot --register=no --keep-unit --capability=all \
  --system-call-filter="fanotify_init fanotify_mark open_by_handle_at name_to_handle_at" \
  systemd.unit=steps.target >"$work/result/console" 2>&1 </dev/null ||
  echo "the container ended with status $?"
if ! grep -qx 'all steps passed' "$work/result/output"; then
  echo "--- console"
  tail -n 40 "$work/result/console"
  echo "--- steps"
  cat "$work/result/output" || true
  exit 1
fi
cat "$work/result/output"
