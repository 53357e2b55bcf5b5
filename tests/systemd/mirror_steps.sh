#!/usr/bin/env bash
# A nightly mirror as docs/integrations/rsync.md sets it up, in the container that container_test.sh
# boots: /mnt/watched is mirrored to /var/mirror by the units.
set -euo pipefail
step() { echo "== $*"; }
trap 'echo "FAILED at line $LINENO: $BASH_COMMAND"; journalctl --no-pager | tail -n 40' ERR
unit=changejournal-mirror@watched
run_it() { systemctl start "$unit.service"; }
said() { journalctl --sync; journalctl -u "$unit.service" --no-pager -o cat; }
same() {
  diff -r --no-dereference /mnt/watched /var/mirror
  rest=$(rsync -n -aHAXi --checksum --delete /mnt/watched/ /var/mirror/)
  [ -z "$rest" ] || { printf 'differs:\n%s\n' "$rest"; return 1; }
}

step "the journal and the mirror are set up"
systemd-sysusers
systemd-tmpfiles --create >/dev/null 2>&1 || true
mkdir -p /etc/changejournal/mirror
printf '[Watch]\nPath=/mnt/watched\n' >/etc/changejournal/changejournal.conf
cp /usr/share/doc/changejournal-integrations/mirror.conf.example \
  /etc/changejournal/mirror/watched.conf
sed -i 's|^SOURCE=.*|SOURCE=/mnt/watched|; s|^DESTINATION=.*|DESTINATION=/var/mirror|' \
  /etc/changejournal/mirror/watched.conf
systemctl daemon-reload
systemctl enable --now changejournald.socket changejournald.service
systemctl enable --now "$unit.timer"
systemctl list-timers --no-pager | grep "$unit.timer" >/dev/null

step "the first run copies everything"
rmdir /mnt/watched/lost+found
mkdir -p /mnt/watched/a/b
echo x >/mnt/watched/a/b/file
run_it
same
said | grep 'copying all of /mnt/watched' >/dev/null
[ "$(stat -c %a /var/lib/changejournal-mirror/watched)" = 700 ]

step "the second what has changed, and the journal's restart is none"
mv /mnt/watched/a /mnt/watched/renamed
ln /mnt/watched/renamed/b/file /mnt/watched/link
systemctl restart changejournald.service
echo y >/mnt/watched/new
run_it
same
[ "$(said | grep -c 'copying all of /mnt/watched')" = 1 ]

step "without its configuration it does nothing"
systemctl start changejournal-mirror@nobody.service
[ ! -e /var/lib/changejournal-mirror/nobody/token ]
echo "all steps passed"
