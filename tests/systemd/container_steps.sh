#!/usr/bin/env bash
# What an administrator does with a fresh installation, and what must come of it. Runs inside of the
# container that container_test.sh boots, as root; /mnt/watched is a filesystem of its own.
set -euo pipefail

step() { echo "== $*"; }
# grep -q ends at the first match, and whoever writes to it dies of that: with pipefail, a failure.
has() { grep "$@" >/dev/null; }
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
units=(changejournald.service changejournald.socket)
said=$(systemd-analyze verify --man=no "${units[@]}" 2>&1) || fail "$said"
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
changectl changes --since="$token" -q | has -x '+ file data /mnt/watched/new' || fail "no change"

step "the daemon may do what it needs, sees the mounts of everybody, and that is all"
systemd-analyze security --offline=true --threshold=45 --no-pager \
  /lib/systemd/system/changejournald.service >/dev/null || fail "the unit is too open"
pid=$(property MainPID)
[ "$(readlink "/proc/$pid/ns/mnt")" = "$(readlink /proc/1/ns/mnt)" ] || fail "mounts of its own"
changectl doctor | grep MISSING && fail "doctor misses something"
truncate -s 4096 /mnt/watched/mapped
chmod 666 /mnt/watched/mapped
mkfifo /tmp/hold
setpriv --reuid=65534 --regid=65534 --clear-groups python3 -c '
import mmap, sys
file = open("/mnt/watched/mapped", "r+b")
mapping = mmap.mmap(file.fileno(), 4096)
file.close()
open("/tmp/mapped", "w").close()
open("/tmp/hold").read()' &
until_true test -e /tmp/mapped
token=$(changectl checkpoint)
changectl changes --since="$token" -q | has '/mnt/watched/mapped' || fail "no silent writer"
echo >/tmp/hold
wait $!

step "who may ask"
group=$(getent group changejournal | cut -d: -f3)
setpriv --reuid=65534 --regid=65534 --groups="$group" changectl status >/dev/null
ends_with 4 setpriv --reuid=65534 --regid=65534 --clear-groups changectl status
# All others hear of what they could list: the unit lets the daemon find that out.
mkdir -m 700 /mnt/watched/private
touch /mnt/watched/private/secret /mnt/watched/open
told=$(setpriv --reuid=65534 --regid=65534 --clear-groups changectl changes --since="$token" -q)
has -x '+ file .*/mnt/watched/open' <<<"$told" || fail "others are not told: $told"
! has secret <<<"$told" || fail "others are told too much: $told"

step "journald has the messages, with their identity"
journalctl -u changejournald -o json --no-pager | has MESSAGE_ID || fail "no MESSAGE_ID"

# Names of changed files since $token, in one line; fails where an answer is refused.
names_since() {
  changectl changes --since="$token" -q -0 | tr '\0' '\n' | grep /watched/ | sort | xargs
}

step "a restart is no gap"
changectl status | has 'If killed: the next daemon goes on' || fail "nothing is kept"
token=$(changectl checkpoint)
touch /mnt/watched/before
systemctl restart changejournald.service
touch /mnt/watched/after
[ "$(names_since)" = "/mnt/watched/after /mnt/watched/before" ] || fail "told: $(names_since)"

step "a daemon that dies is started again, and nothing is lost"
for round in 1 2 3; do
  token=$(changectl checkpoint)
  pid=$(property MainPID)
  touch "/mnt/watched/a$round"
  kill -KILL "$pid"
  touch "/mnt/watched/b$round"
  until_true another_runs
  touch "/mnt/watched/c$round"
  wanted="/mnt/watched/a$round /mnt/watched/b$round /mnt/watched/c$round"
  [ "$(names_since)" = "$wanted" ] || fail "told: $(names_since)"
done
[ "$(property NRestarts)" = 3 ] || fail "$(property NRestarts) restarts"
changectl status | has 'Gaps: none' || fail "gaps: $(changectl status)"
[ "$(property NFileDescriptorStore)" -le 8 ] || fail "descriptors are left in the store"

step "a daemon that hangs is ended by the watchdog, and nothing is lost"
mkdir -p /run/systemd/system/changejournald.service.d
printf '[Service]\nWatchdogSec=5s\n' >/run/systemd/system/changejournald.service.d/watchdog.conf
systemctl daemon-reload
systemctl restart changejournald.service
token=$(changectl checkpoint)
pid=$(property MainPID)
kill -STOP "$pid"
touch /mnt/watched/hung
until_true another_runs
[ "$(names_since)" = /mnt/watched/hung ] || fail "told: $(names_since)"

step "strict mode: who opens a file waits for a daemon that hangs no longer than the watchdog does"
printf '[Watch]\nPath=/mnt/watched\nPreModify=open\n' >/etc/changejournal/changejournal.conf
systemctl restart changejournald.service
token=$(changectl checkpoint)
pid=$(property MainPID)
kill -STOP "$pid"
begin=$(date +%s%N)
echo x >>/mnt/watched/waited
waited=$((($(date +%s%N) - begin) / 1000000))
until_true another_runs
echo "an open waited $waited ms for a stopped daemon, with WatchdogSec=5s"
[ "$waited" -lt 30000 ] || fail "an open waited $waited ms"
[ "$(names_since)" = /mnt/watched/waited ] || fail "told: $(names_since)"
pid=$(property MainPID)
kill -KILL "$pid"
echo x >>/mnt/watched/killed
until_true another_runs
echo x >>/mnt/watched/again
wanted="/mnt/watched/again /mnt/watched/killed /mnt/watched/waited"
[ "$(names_since)" = "$wanted" ] || fail "told: $(names_since)"
changectl log --since="$token" | has ' intent */mnt/watched/again' || fail "no intent"
changectl status | has 'Gaps: none' || fail "gaps: $(changectl status)"
printf '[Watch]\nPath=/mnt/watched\n' >/etc/changejournal/changejournal.conf

rm /run/systemd/system/changejournald.service.d/watchdog.conf
systemctl daemon-reload
systemctl restart changejournald.service

step "other trees, or another way to watch them, are a gap that a crawl fills"
token=$(changectl checkpoint)
printf '[Watch]\nPath=/mnt/watched\nExclude=*.o\n' >/etc/changejournal/changejournal.conf
systemctl restart changejournald.service
changectl changes --since="$token" -q >/dev/null || fail "it was not filled"
changectl periods --json | has "other trees are watched" || fail "why?"
printf '[Watch]\nPath=/mnt/watched\n' >/etc/changejournal/changejournal.conf
systemctl restart changejournald.service

step "the socket starts a stopped service; a crawl finds what happened in between"
token=$(changectl checkpoint)
systemctl stop changejournald.service
[ "$(property ActiveState)" = inactive ] || fail "still $(property ActiveState)"
mkdir /mnt/watched/meanwhile
changectl changes --since="$token" -q | has -x '? dir tree /mnt/watched' || fail "not found"
changectl periods --json | has 'was not running' || fail "no reason"
[ "$(property ActiveState)" = active ] || fail "not started by the socket"

step "a wrong configuration is said once, with file and line"
printf '[Journal]\nMaxUse=many\n' >>/etc/changejournal/changejournal.conf
ends_with 1 systemctl restart changejournald.service
[ "$(property ExecMainStatus)" = 2 ] || fail "exit status $(property ExecMainStatus)"
[ "$(property ActiveState)" = failed ] || fail "it is $(property ActiveState)"
journalctl -u changejournald --no-pager | has 'changejournal.conf:4:' || fail "no file and line"
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
