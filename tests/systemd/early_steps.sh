#!/usr/bin/env bash
# What early.conf promises: an ordinary service writes only after the journal listens. Runs inside
# of the container that container_test.sh boots.
set -euo pipefail

fail() { echo "FAILED: $*"; journalctl -b --no-pager | tail -n 40; exit 1; }
trap 'fail "line $LINENO: $BASH_COMMAND"' ERR
began() { systemctl show --value -p "$2" "$1"; }

ready=$(began changejournald.service ActiveEnterTimestampMonotonic)
[ "$ready" -gt 0 ] || fail "the service is $(began changejournald.service ActiveState)"
writes=$(began writer.service ExecMainStartTimestampMonotonic)
target=$(began sysinit.target ActiveEnterTimestampMonotonic)
echo "ready at $ready us, sysinit.target at $target us, the writer at $writes us"
[ "$ready" -le "$target" ] || fail "sysinit.target did not wait for the journal"
[ "$ready" -lt "$writes" ] || fail "the writer did not wait for the journal"
told=$(changectl log)
grep "/mnt/watched/early\$" >/dev/null <<<"$told" || fail "the write was not seen: $told"
! journalctl -b --no-pager | grep -i 'ordering cycle' || fail "an ordering cycle"
systemctl stop changejournald.service changejournald.socket
echo "all steps passed"
