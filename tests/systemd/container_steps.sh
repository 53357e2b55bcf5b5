#!/usr/bin/env bash
# What an administrator does with a fresh installation, and what must come of it. Runs inside of the
# container that container_test.sh boots, as root; /mnt/watched is a filesystem of its own.
set -euo pipefail

step() { echo "== $*"; }
said_in_journal() { journalctl -u changejournald --no-pager | tail -n 30; }
fail() { echo "FAILED: $*"; said_in_journal; exit 1; }
trap 'echo "FAILED at line $LINENO: $BASH_COMMAND"; said_in_journal' ERR
property() { systemctl show --value -p "$1" changejournald.service; }
another_runs() { [ "$(property MainPID)" != "$pid" ] && [ "$(property ActiveState)" = active ]; }
until_true() {
  local end=$((SECONDS + 60))
  until "$@"; do [ $SECONDS -lt $end ] || fail "waited in vain for: $*"; done
}
# Runs a command that must end with this status, and gives its output.
ends_with() {
  local wanted=$1 status=0 said
  shift
  said=$("$@" 2>&1) || status=$?
  [ "$status" -eq "$wanted" ] || fail "$* ended with $status, not $wanted: $said"
  printf '%s\n' "$said"
}

step "the units are sound"
said=$(systemd-analyze verify changejournald.service changejournald.socket 2>&1) || fail "$said"
[ -z "$said" ] || ! grep changejournal <<<"$said" || fail "systemd-analyze complains"

step "installed as the README says"
systemd-sysusers
systemd-tmpfiles --create 2>&1 | grep changejournal && fail "systemd-tmpfiles complains"
mkdir -p /etc/changejournal
printf '[Watch]\nPath=/mnt/watched\n' >/etc/changejournal/changejournal.conf
systemctl daemon-reload
systemctl enable --now changejournald.socket changejournald.service
[ "$(property ActiveState)" = active ] || fail "the service is $(property ActiveState)"
[ "$(stat -c %a /run/changejournal/org.changejournal)" = 666 ] || fail "the socket's mode"
[ "$(stat -c %a /var/lib/changejournal)" = 700 ] || fail "the mode of the state directory"
case $(property StatusText) in *1*) ;; *) fail "STATUS= says: $(property StatusText)" ;; esac

step "a change is told"
token=$(changectl checkpoint)
echo x >/mnt/watched/new
changectl changes --since="$token" -q | grep -qx '+ file data /mnt/watched/new' || fail "no change"

step "who may ask"
group=$(getent group changejournal | cut -d: -f3)
setpriv --reuid=65534 --regid=65534 --groups="$group" changectl status >/dev/null
ends_with 4 setpriv --reuid=65534 --regid=65534 --clear-groups changectl status

step "journald has the messages, with their identity"
journalctl -u changejournald -o json --no-pager | grep -q MESSAGE_ID || fail "no MESSAGE_ID"

step "a restart is a gap that is told, and the journal goes on"
token=$(changectl checkpoint)
systemctl restart changejournald.service
ends_with 3 changectl changes --since="$token"
token=$(changectl checkpoint)
touch /mnt/watched/later
changectl changes --since="$token" -q | grep -q later || fail "no change after the restart"

step "a daemon that dies is started again"
pid=$(property MainPID)
kill -KILL "$pid"
until_true another_runs
changectl checkpoint >/dev/null

step "the socket starts a stopped service"
systemctl stop changejournald.service
[ "$(property ActiveState)" = inactive ] || fail "still $(property ActiveState)"
changectl status >/dev/null
[ "$(property ActiveState)" = active ] || fail "not started by the socket"

step "a wrong configuration is said once, with file and line"
printf '[Journal]\nMaxUse=many\n' >>/etc/changejournal/changejournal.conf
ends_with 1 systemctl restart changejournald.service
[ "$(property ExecMainStatus)" = 2 ] || fail "exit status $(property ExecMainStatus)"
[ "$(property ActiveState)" = failed ] || fail "it is $(property ActiveState)"
journalctl -u changejournald --no-pager | grep -q 'changejournal.conf:4:' || fail "no file and line"
printf '[Watch]\nPath=/mnt/watched\n' >/etc/changejournal/changejournal.conf
systemctl reset-failed changejournald.service changejournald.socket
systemctl start changejournald.socket changejournald.service
changectl status

step "without systemd, the default socket can be reached by those who may ask"
systemctl stop changejournald.socket changejournald.service
rm -rf /run/changejournal
changejournald &
daemon=$!
until_true test -S /run/changejournal/org.changejournal
setpriv --reuid=65534 --regid=65534 --groups="$group" changectl status >/dev/null
kill "$daemon"
wait "$daemon"

echo "all steps passed"
