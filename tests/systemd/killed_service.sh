#!/usr/bin/env bash
# Stands in for changejournald in front of the oracle: has systemd run the installed service with
# the same arguments, says READY=1, and kills the service at random instants until it is told to
# stop.
set -uo pipefail
unit=changejournald.service
trap 'stopping=1' TERM
stopping=0 count=0

drop_in=/run/systemd/system/$unit.d
mkdir -p "$drop_in"
cat >"$drop_in/killed.conf" <<CONF
[Service]
ExecStart=
ExecStart=/usr/sbin/changejournald $*
RestartSec=10ms
CONF
systemctl daemon-reload
systemctl start "$unit" || exit 1
systemd-notify --no-block --ready || exit 1
while [ $stopping -eq 0 ]; do
  # The instant is random; nothing waits for it. Now and then the daemon is still starting, mostly
  # it has time to answer.
  read -rt "$((RANDOM % 3 * (RANDOM % 2))).$((RANDOM % 90 + 10))" <><(:) || true
  [ ! -e /run/killed/wait ] || continue
  pid=$(systemctl show --value -p MainPID "$unit")
  [ "$pid" -gt 0 ] && kill -KILL "$pid" 2>/dev/null && count=$((count + 1))
done
echo "$count" >/run/killed/count
/result/patient_changectl.sh "--socket=$(sed -n 's/.*--socket=\([^ ]*\).*/\1/p' <<<"$*")" status \
  >/run/killed/status
systemctl stop "$unit"
