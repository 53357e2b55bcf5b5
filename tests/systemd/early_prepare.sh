#!/usr/bin/env bash
# Sets a system up, before it boots, for early_steps.sh: the journal starts early, as
# docs/operations.md says, and an ordinary service writes as soon as it may.
#
# Usage: early_prepare.sh ROOT
set -euo pipefail
units=$1/etc/systemd/system

systemd-sysusers --root="$1"
mkdir -p "$1/etc/changejournal" "$units/steps.target.wants"
printf '[Watch]\nPath=/mnt/watched\n' >"$1/etc/changejournal/changejournal.conf"
for unit in changejournald.service changejournald.socket; do
  install -D -m 644 "$1/usr/share/doc/changejournal/early.conf" "$units/$unit.d/early.conf"
  ln -s "/lib/systemd/system/$unit" "$units/steps.target.wants/$unit"
done
cat >"$units/writer.service" <<'UNIT'
[Unit]
Before=steps.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/touch /mnt/watched/early
UNIT
ln -s ../writer.service "$units/steps.target.wants/writer.service"
