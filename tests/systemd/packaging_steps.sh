#!/usr/bin/env bash
# The life of the Debian packages on a system: installed, configured, upgraded while somebody
# writes, removed, installed again, purged. By apt where people use it, without a network: what the
# packages depend on is there. Runs inside of the container that container_test.sh boots, as root;
# /mnt/watched is a filesystem of its own.
set -Eeuo pipefail

step() { echo "== $* ($SECONDS s)"; }
# grep -q ends at the first match, and whoever writes to it dies of that: with pipefail, a failure.
has() { grep "$@" >/dev/null; }
fail() {
  echo "FAILED: $*"
  journalctl -u changejournald --no-pager | tail -n 30
  tail -n 20 /result/dpkg.log
  exit 1
}
trap 'fail "line $LINENO: $BASH_COMMAND"' ERR
service=changejournald.service socket=changejournald.socket
configuration=/etc/changejournal/changejournal.conf
property() { systemctl show --value -p "$1" "$service"; }
state() {
  printf '%s %s' "$(systemctl is-active "$1" || true)" \
    "$(systemctl is-enabled "$1" 2>/dev/null || true)"
}
expect() {  # unit state
  [ "$(state "$1")" = "$2" ] || fail "$1 is $(state "$1"), not $2"
}
package() { dpkg "$@" >>/result/dpkg.log 2>&1 </dev/null || fail "dpkg $*"; }
# By no hooks of other packages of this machine, which leave files of their own.
mkdir /tmp/no_hooks
echo 'Dir::Etc::parts "/tmp/no_hooks";' >/tmp/apt.conf
export APT_CONFIG=/tmp/apt.conf
by_apt() {
  DEBIAN_FRONTEND=noninteractive apt-get -y --no-install-recommends "$@" >>/result/dpkg.log 2>&1 \
    </dev/null || fail "apt-get $*"
}
until_true() {
  local end=$((SECONDS + 60))
  until "$@"; do [ $SECONDS -lt $end ] || fail "waited in vain for: $*"; done
}
# What of the system a package may change. Logs, caches and apt's lists are nobody's, dpkg keeps its
# former lists, as those who add groups do, and apt asks logind, which makes a directory.
files() {
  find /etc /usr /var -xdev \( -path /var/log -o -path /var/cache -o -path /var/tmp \
    -o -path /var/lib/apt \) -prune -o -print |
    grep -v -e '^/var/lib/dpkg/.*-old$' -e '^/etc/.*-$' -e '^/var/lib/systemd/linger$' | sort
}
# Is the mirror what the source is?
same() {
  diff -r --no-dereference /mnt/watched /srv/mirror >/dev/null 2>&1 &&
    [ -z "$(rsync -n -aHAXi --checksum --delete /mnt/watched/ /srv/mirror/)" ]
}
ended() { [ "$(systemctl is-active "$mirror")" = inactive ]; }
in_catalog() { journalctl --list-catalog 2>/dev/null | has -i 'change journal'; }

files >/result/before
step "installing starts nothing, and leaves nothing that fails"
by_apt install /result/library.deb /result/first.deb
expect "$service" 'inactive disabled'
expect "$socket" 'inactive disabled'
getent group changejournal >/dev/null || fail "no group"
in_catalog || fail "no catalog"
has 'name what to watch in /etc/changejournal' /result/dpkg.log || fail "nothing is said"
# An upgrade changes nothing about that.
package -i /result/next.deb
package -i /result/first.deb
expect "$service" 'inactive disabled'
[ -z "$(systemctl --failed --plain --no-legend)" ] || fail "$(systemctl --failed)"

step "one edit and one command"
printf '[Watch]\nPath=/mnt/watched\n' >>"$configuration"
systemctl enable --now changejournald 2>&1
expect "$service" 'active enabled'
expect "$socket" 'active enabled'
token=$(changectl checkpoint)
echo x >/mnt/watched/new
changectl changes --since="$token" -q | has -x '+ file data /mnt/watched/new' || fail "no change"

step "an upgrade while somebody writes loses nothing"
token=$(changectl checkpoint)
pid=$(property MainPID)
written() { [ -e "/mnt/watched/written/$1" ]; }
last() { find /mnt/watched/written -type f -printf '%f\n' | sort -n | tail -n 1; }
mkdir /mnt/watched/written
(
  number=0
  until [ -e /tmp/stop ]; do
    number=$((number + 1))
    touch "/mnt/watched/written/$number"
  done
) &
writer=$!
until_true written 20
by_apt install /result/next.deb
meanwhile=$(last)
until_true written $((meanwhile + 20))
touch /tmp/stop
wait "$writer"
[ "$(property MainPID)" != "$pid" ] || fail "it still runs what was installed before"
dpkg-query -W -f '${Version}\n' changejournal | has '\.1$' || fail "not upgraded"
expect "$service" 'active enabled'
changectl changes --since="$token" -q -0 | tr '\0' '\n' |
  sed -n 's|^/mnt/watched/written/||p' | sort >/result/told
find /mnt/watched/written -type f -printf '%f\n' | sort >/result/made
missing=$(comm -23 /result/made /result/told | wc -l)
[ "$missing" -eq 0 ] || fail "$missing of $(wc -l </result/made) files are not told"
changectl status | has 'Gaps: none' || fail "gaps: $(changectl status)"
journalctl -u changejournald --no-pager | has 'going on where the process before' || fail "a stop"
has -x Path=/mnt/watched "$configuration" || fail "the configuration was replaced"
echo "$(wc -l </result/made) files were made, $meanwhile of them until dpkg had ended; all are told"

step "who has disabled it is not overruled"
systemctl disable --now "$service" "$socket" 2>&1
package -i /result/next.deb
expect "$service" 'inactive disabled'
systemctl enable --now "$service" 2>&1

step "removed: the units are gone, the journal and the configuration stay"
token=$(changectl checkpoint)
package -r changejournal
[ "$(property LoadState)" = not-found ] || fail "the unit is $(property LoadState)"
[ "$(property ActiveState)" = inactive ] || fail "it is $(property ActiveState)"
for gone in /usr/sbin/changejournald /run/changejournal; do
  [ ! -e "$gone" ] || fail "$gone is there"
done
[ -e /var/lib/changejournal/CURRENT ] || [ -n "$(ls -A /var/lib/changejournal)" ] ||
  fail "the journal is gone"
has -x Path=/mnt/watched "$configuration" || fail "the configuration is gone"
! in_catalog || fail "the catalog still has its messages"

step "installed again, it goes on"
touch /mnt/watched/meanwhile
package -i /result/first.deb
expect "$service" 'active enabled'
changectl changes --since="$token" -q | has -e '/mnt/watched$' -e /mnt/watched/meanwhile ||
  fail "not found"

step "purged, and installed where a configuration is already: it starts by itself"
package -P changejournal
for gone in /etc/changejournal /var/lib/changejournal; do
  [ ! -e "$gone" ] || fail "$gone is there"
done
mkdir -p "$configuration.d"
printf '[Watch]\nPath=/mnt/watched\n' >"$configuration.d/local.conf"
package -i /result/first.deb
expect "$service" 'active enabled'
expect "$socket" 'active enabled'
changectl status >/dev/null

step "backup programs: a package of its own, whose units run when they are told to"
by_apt install /result/integrations.deb
timer=changejournal-mirror@watched.timer mirror=changejournal-mirror@watched.service
conf=/etc/changejournal/mirror/watched.conf
expect "$timer" 'inactive disabled'
for program in bup borg restic rsync tar untar; do
  "changejournal-$program" --help | has 'exit status' || fail "changejournal-$program"
done
install -D -m 600 /usr/share/doc/changejournal-integrations/mirror.conf.example "$conf"
sed -i 's|^SOURCE=.*|SOURCE=/mnt/watched|; s|^DESTINATION=.*|DESTINATION=/srv/mirror|' "$conf"
systemctl enable --now "$timer" 2>&1
expect "$timer" 'active enabled'
changejournal-tar /mnt/watched /srv/archives

step "the timer fires by itself, for another hour: first everything, then what has changed"
# Nobody starts the service here. Every five seconds: more often a unit may not be started.
printf '[Timer]\nOnCalendar=\nOnCalendar=%s\nRandomizedDelaySec=0\nAccuracySec=1ms\n' '*:*:0/5' \
  >/result/another_hour
EDITOR='cp /result/another_hour' script -qec "systemctl edit $timer" /dev/null </dev/null
until_true same
echo again >>/mnt/watched/new
mkdir /mnt/watched/directory
mv /mnt/watched/written /mnt/watched/directory/
rm /mnt/watched/directory/written/1
until_true same
[ -n "$(systemctl show --value -p LastTriggerUSec "$timer")" ] || fail "the timer has not fired"

step "both are upgraded, and the mirror goes on"
echo y >/mnt/watched/later
by_apt install /result/next.deb /result/integrations_next.deb
expect "$timer" 'active enabled'
until_true same
systemctl revert "$timer"
until_true ended
expect "$timer" 'active enabled'
journalctl --sync
[ "$(journalctl -u "$mirror" --no-pager -o cat | grep -c 'copying all of')" -eq 1 ] ||
  fail "everything was copied again"
runs=$(journalctl -u "$mirror" --no-pager -o cat | grep -c ' names to look at') || true
[ "$runs" -ge 2 ] || fail "$runs runs looked at what has changed"
echo "the timer fired: one full copy, then $runs runs by what has changed"
changejournal-rsync /mnt/watched /srv/another  # A position in /var/lib/changejournal-integrations.

step "removed: nothing of them runs, positions and configuration stay"
package -r changejournal-integrations
[ "$(systemctl show --value -p LoadState -p ActiveState "$mirror" | xargs)" = \
  'not-found inactive' ] || fail "$mirror is there"
[ "$(systemctl is-active "$timer" || true)" = inactive ] || fail "$timer is active"
[ -z "$(find /usr -xdev -name 'changejournal-*')" ] || fail "files are left in /usr"
for kept in "$conf" /var/lib/changejournal-mirror/watched/token; do
  [ -e "$kept" ] || fail "$kept is gone"
done

step "purged: nothing is left"
by_apt purge changejournal-integrations
expect "$service" 'active enabled'
by_apt purge changejournal libchangejournal0
files >/result/after
left=$(comm -13 /result/before /result/after)
[ -z "$left" ] || fail "left: $left"
[ -z "$(systemctl list-unit-files --no-legend 'changejournal*')" ] || fail "units are left"
for unit in "$service" "$socket"; do
  said=$(systemctl show --value -p LoadState -p ActiveState "$unit" | xargs)
  [ "$said" = 'not-found inactive' ] || fail "$unit is $said"
done
[ -z "$(systemctl --failed --plain --no-legend)" ] || fail "$(systemctl --failed)"
echo "all steps passed"
