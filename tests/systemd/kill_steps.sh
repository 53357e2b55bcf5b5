#!/usr/bin/env bash
# The oracle against the installed service, which is killed at random instants: nothing may be
# missed, and no gap recorded. Runs inside of the container that container_test.sh boots, as root;
# /mnt/watched is a filesystem of its own.
#
# CJ_KILLS: how many kills there have to be in all.
set -euo pipefail
cd /result
kills=${CJ_KILLS:-25}
fail() { echo "FAILED: $*"; journalctl -u changejournald --no-pager | tail -n 40; exit 1; }

systemd-sysusers
done_so_far=0 run=0
while [ "$done_so_far" -lt "$kills" ]; do
  run=$((run + 1))
  rm -rf /mnt/watched/* /run/killed
  mkdir /run/killed
  # Each "daemon" is killed_service.sh, which has systemd run the real one, and kills it.
  status=0
  ./oracle --fs=/mnt/watched --daemon=/result/killed_service.sh \
    --changectl=/result/patient_changectl.sh --ops=20000 --checkpoints=15 --state=outside \
    >oracle.log 2>&1 || status=$?
  summary=$(grep '^oracle .*missed' oracle.log) || fail "status $status: $(cat oracle.log)"
  [ "$status" -eq 0 ] || fail "status $status: $(cat oracle.log)"
  grep -q 'rescans 0,' <<<"$summary" || fail "a rescan: $(cat oracle.log)"
  grep -q 'Gaps: none' /run/killed/status || fail "gaps: $(cat /run/killed/status)"
  done_so_far=$((done_so_far + $(cat /run/killed/count)))
  echo "run $run: $summary"
  echo "killed $done_so_far times so far"
done
echo "all steps passed"
