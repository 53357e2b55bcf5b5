#!/usr/bin/env bash
# Shows changejournal at work, from nothing: installs what is missing from Debian, builds, runs the
# daemon on a filesystem of its own (ext4 in a file), changes files, shows what changed, mirrors it
# with rsync, compares, and cleans up. Touches nothing outside of a temporary directory; may be run
# again at any time. Usage: sudo ./scripts/demo.sh
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "$(id -u)" -ne 0 ]; then
  echo "demo.sh: needs root, for fanotify and a loop mount: sudo ./scripts/demo.sh" >&2
  exit 2
fi

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' plain=$'\e[0m'; fi
chapter() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
say() { printf '   %s\n' "$*"; }
show() { printf '%s $ %s%s\n' "$bold" "$*" "$plain"; "$@"; }

chapter "1. Packages and build"
scripts/install-deps.sh demo
scripts/install-deps.sh build
export NINJA_STATUS='   [%f/%t %es] '
cmake --preset release -B build/demo -DCJ_BUILD_TESTS=OFF -DCJ_BUILD_BENCH=OFF >/dev/null
cmake --build build/demo -j 2
daemon=$PWD/build/demo/service/changejournald
changectl=$PWD/build/demo/client/changectl

work=$(mktemp -d /tmp/changejournal-demo.XXXXXX)
srv=$work/srv ledger=$work/ledger mirror=$work/mirror
socket=$work/socket token_file=$work/mirror.token
daemon_pid='' mapper_pid=''
clean_up() {
  status=$?
  trap - EXIT
  [ -z "$mapper_pid" ] || kill "$mapper_pid" 2>/dev/null || true
  if [ -n "$daemon_pid" ]; then
    kill "$daemon_pid" 2>/dev/null || true
    wait "$daemon_pid" || true
  fi
  for tree in "$srv" "$ledger"; do
    ! mountpoint -q "$tree" || umount "$tree" || umount -l "$tree"
  done
  if [ $status -ne 0 ] && [ -f "$work/log" ]; then
    echo "demo.sh: failed; the daemon's log:" >&2
    cat "$work/log" >&2
  fi
  rm -rf --one-file-system "$work"
  exit $status
}
trap clean_up EXIT
trap 'exit 130' INT TERM

chapter "2. A filesystem, some data, the daemon"
truncate -s 512M "$work/ext4.img"
mkfs.ext4 -q "$work/ext4.img"
mkdir "$srv" "$ledger" "$mirror"
mount -o loop "$work/ext4.img" "$srv"
truncate -s 64M "$work/ledger.img"
mkfs.ext4 -q "$work/ledger.img"
mount -o loop "$work/ledger.img" "$ledger"
echo "balance 100" >"$ledger/book"
# A source tree, as the Debian package "googletest" ships it.
unpack() { mkdir -p "$2" && tar -C "$1" -cf - . | tar -C "$2" -xf -; }
unpack /usr/src/googletest "$srv/project"
say "$srv holds $(find "$srv" | wc -l) files and directories."
say "$ledger is a second tree, in strict mode: see chapter 8."
printf '[Watch]\nPath=%s\n[Watch]\nPath=%s\nPreModify=open\nDurability=sync\n' \
  "$srv" "$ledger" >"$work/conf"
"$daemon" --config="$work/conf" --state-directory="$work/state" --socket="$socket" 2>"$work/log" &
daemon_pid=$!
ctl() { "$changectl" --socket="$socket" "$@"; }
deadline=$((SECONDS + 30))
until ctl status >/dev/null 2>&1; do
  kill -0 "$daemon_pid" || { echo "the daemon ended" >&2; exit 1; }
  [ $SECONDS -lt $deadline ] || { echo "the daemon does not answer" >&2; exit 1; }
  read -r -t 0.05 _ <> <(:) || true
done
show ctl status

chapter "3. A mirror: everything once"
say "The first question with a new token file is refused (exit status 3): nobody can know what"
say "changed before. The file now holds the token to start from, and rsync copies everything."
first=0
ctl changes --token-file="$token_file" -0 --expand --relative-to="$srv" || first=$?
[ $first -eq 3 ] || { echo "expected exit status 3, got $first" >&2; exit 1; }
rsync -aHAX "$srv/" "$mirror/"
token=$(cat "$token_file")
say "token: $token"

chapter "4. A burst of work"
say "unpack a source tree ..."
unpack /usr/src/googletest "$srv/release-1.12"
say "edit files the way editors do, by rename ..."
for file in CMakeLists.txt README.md; do
  [ ! -f "$srv/project/$file" ] || sed -i '1i edited' "$srv/project/$file"
done
say "rename a directory, after and before changes in it ..."
echo before >>"$srv/project/googletest/CMakeLists.txt"
mv "$srv/project/googletest" "$srv/project/gtest"
echo after >"$srv/project/gtest/added after the rename"
say "delete a tree ..."
rm -r "$srv/project/googlemock"
say "give a file a second name, and one a name that is not UTF-8 ..."
ln "$srv/release-1.12/CMakeLists.txt" "$srv/hard link"
printf 'odd\n' >"$srv/"$'odd \xff name\n'
say "write through a memory mapping that stays open: the kernel sends no event for this ..."
truncate -s 8192 "$srv/mapped"
coproc mapper { /usr/bin/python3 -u -c '
import mmap, sys
with open(sys.argv[1], "r+b") as file, mmap.mmap(file.fileno(), 0) as mapping:
    for line in sys.stdin:
        mapping[:len(line)] = line.encode()
        print("stored")
' "$srv/mapped"; }
# shellcheck disable=SC2154  # coproc sets it
mapper_pid=$mapper_PID
store() { echo "$1" >&"${mapper[1]}"; read -r _ <&"${mapper[0]}"; }
store "first"

chapter "5. What changed?"
ctl changes --since="$token" --no-checkpoint >"$work/changes"
show head -n 25 "$work/changes"
say "... $(wc -l <"$work/changes") lines in all. New files are listed one by one; the renamed"
say "and the deleted directory are one recursive entry each; 'mapped' is there, although no event"
say "told of it."
say "The records behind it, newest last:"
show ctl log -n 8

compare() {
  diff -r --no-dereference "$srv" "$mirror"
  rest=$(rsync -n -aHAXi --checksum --delete "$srv/" "$mirror/")
  if [ -n "$rest" ]; then printf 'the mirror differs:\n%s\n' "$rest" >&2; exit 1; fi
  say "Equal, says diff -r; equal, says rsync -n -aHAXi --checksum --delete, which compares modes,"
  say "owners, times, attributes and hard links as well."
}
mirror_now() {  # more options for rsync
  local copied=0
  cat <<TEXT
$bold $ changectl changes --token-file=mirror.token -0 --expand --relative-to=srv |
     rsync -aHAX $* --from0 --files-from=- --delete-missing-args --force srv/ mirror/$plain
TEXT
  ctl changes --token-file="$token_file" -0 --expand --relative-to="$srv" 2>"$work/next" |
    rsync -aHAX "$@" --from0 --files-from=- --delete-missing-args --force "$srv/" "$mirror/" \
      2>"$work/rsync" || copied=$?
  # 24: names below a directory that is gone altogether have "vanished", says rsync. So they have.
  local vanished='^file has vanished:'
  grep -v "$vanished" "$work/rsync" || true
  if grep -q '^invalid file mode' "$work/rsync"; then
    echo "demo.sh: this rsync cannot take --delete-missing-args (rsync's issue 910); Debian's" \
      "security updates have one that can: apt-get update && apt-get install rsync" >&2
  fi
  say "rsync says of $(grep -c "$vanished" "$work/rsync" || true) names that they are gone."
  case ${copied:-0} in 0 | 24) ;; *) echo "rsync: exit status $copied" >&2; exit 1 ;; esac
  cat "$work/next"
}

chapter "6. The mirror catches up, with nothing but the changes"
rm -r "$srv/lost+found"
mirror_now
compare

chapter "7. And again: only what is new"
store "second, through the mapping that is still open"
mv "$srv/hard link" "$srv/project/moved link"
say "A store into a mapped page that is still dirty does not even move the file's mtime, so rsync"
say "by itself would take 'mapped' for unchanged. --checksum makes it look, at what was named only."
mirror_now --checksum
compare
show ctl periods

chapter "8. Strict mode: on record before it happens"
token=$(ctl checkpoint)
say "A program opens a file of the second tree for writing. It is let through when that is on disk;"
say "the file has not changed, and its intent is there:"
exec 5>>"$ledger/book"
show ctl log --since="$token" "$ledger"
show cat "$ledger/book"
ctl log --since="$token" "$ledger" | grep -q intent
say "Now it writes, over a checkpoint: who has a file open for writing is in both periods."
show ctl checkpoint
echo "balance 90" >&5
exec 5>&-
show ctl log --since="$token" "$ledger"
show ctl changes --since="$token" --no-checkpoint "$ledger"

chapter "Done. The daemon ends, the filesystem goes."
kill "$daemon_pid"
wait "$daemon_pid" || { echo "the daemon did not end well" >&2; exit 1; }
daemon_pid=''
say "To set it up for good, see README.md."
