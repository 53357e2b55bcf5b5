#!/usr/bin/env bash
# Installs the build into a copy-on-write image of this system, boots that under systemd, and does
# there what a script of this directory says. Nothing outside of a temporary directory changes.
#
# Usage: container_test.sh BUILD_DIRECTORY [STEPS]   (root; exit 4: skipped)
#   container_steps.sh (default): what the README says
#   kill_steps.sh: the oracle, while the daemon is killed CJ_KILLS times, on CJ_FILESYSTEM
#   early_steps.sh: the journal starts before ordinary services
#   packaging_steps.sh: the Debian packages are installed, upgraded, removed, purged
#   mirror_steps.sh: a nightly mirror by the units of integrations/
# X_prepare.sh, where there is one, sets the system up for X_steps.sh before it boots.
set -euo pipefail
source_directory=$(cd "$(dirname "$0")" && pwd)
build=$(realpath "$1")
steps=${2:-container_steps.sh}
filesystem=${CJ_FILESYSTEM:-ext4}
readonly seconds=${CJ_SECONDS:-240}

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
truncate -s 2G "$work/volume.img"
"mkfs.$filesystem" -q "$work/volume.img"
mount -o loop "$work/volume.img" "$work/volume"

# packaging_steps.sh lets dpkg do it.
[ "$steps" = packaging_steps.sh ] ||
  DESTDIR=$work/system cmake --install "$build" --prefix /usr >"$work/result/install.log"
cp "$source_directory"/*.sh "$build/tests/oracle/oracle" "$work/result/"
cat >"$work/system/etc/systemd/system/steps.service" <<UNIT
[Unit]
After=basic.target
SuccessAction=exit-force
FailureAction=exit-force
[Service]
Type=oneshot
Environment=CJ_KILLS=${CJ_KILLS:-25}
Environment=TSAN_OPTIONS=suppressions=/etc/tsan.supp
ExecStart=/bin/bash /result/$steps
StandardOutput=file:/result/output
StandardError=inherit
TimeoutStartSec=$seconds
UNIT
# AddressSanitizer's search for leaks traces its own threads, which the unit does not allow. The
# daemon's leaks are looked for where it runs without the unit.
mkdir -p "$work/system/etc/systemd/system/changejournald.service.d"
cp "$source_directory/../support/tsan.supp" "$work/system/etc/tsan.supp"
printf '[Service]\nEnvironment=ASAN_OPTIONS=detect_leaks=0\nEnvironment=TSAN_OPTIONS=%s\n' \
  suppressions=/etc/tsan.supp \
  >"$work/system/etc/systemd/system/changejournald.service.d/sanitizer.conf"
# Not multi-user.target: the services of this machine are none of the test's.
printf '[Unit]\nRequires=basic.target\nWants=steps.service\n' \
  >"$work/system/etc/systemd/system/steps.target"

prepare=$source_directory/${steps%_steps.sh}_prepare.sh
[ ! -x "$prepare" ] || "$prepare" "$work/system" "$build" "$work/result"

timeout $((seconds + 60)) systemd-nspawn --quiet --directory="$work/system" --machine="cj-$$" \
  --bind="$work/volume:/mnt/watched" --bind="$work/result:/result" \
  --boot --register=no --keep-unit --private-network --capability=all \
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
