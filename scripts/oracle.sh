#!/usr/bin/env bash
# The long run of the oracle (tests/oracle/README.md): on every filesystem, with random writers and
# with stress-ng. At least 200,000 operations and 300 checkpoints with random writers alone. Then in
# strict mode, three at a time. Then 55 power cuts each on ext4 and xfs, of the watched volume, the
# journal's, or both, and 20 unmounts each, on btrfs as well. Then the installed service under
# systemd, killed 200 times in all at random instants.
#
# Usage: scripts/oracle.sh [--only=PART] [BUILD_DIRECTORY] [OPERATIONS] [CHECKPOINTS]
# The last two are of all filesystems together. PART: writers, stress-ng, strict, cuts or kills.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
only=''
case ${1:-} in
  --only=*)
    only=${1#--only=}
    shift
    ;;
esac
build=${1:-build/dev} operations=${2:-200000} checkpoints=${3:-300}
filesystems=(ext4 xfs btrfs tmpfs)
programs=(--daemon="$build/service/changejournald" --changectl="$build/client/changectl")
failed=0
lines=()

oracle() { "$build/tests/oracle/oracle" "$@" "${programs[@]}" 2>&1; }

run() {
  local output
  output=$(oracle "$@")
  judge $? "$output"
}

judge() {  # status output
  local status=$1 output=$2
  local verdict='^(oracle [a-z0-9]+ seed|power cuts|SKIPPED|FAILED)'
  lines+=("$(printf '%s\n' "$output" | grep -E "$verdict" | tail -n 1)")
  printf '%s\n' "${lines[-1]}"
  if [ "$status" -ne 0 ] && [ "$status" -ne 4 ]; then
    printf '%s\n' "$output" | head -n 200
    failed=$((failed + 1))
  fi
}

part_writers() {
  local filesystem state
  for filesystem in "${filesystems[@]}"; do
    for state in inside outside; do
      # Half of the share each: the journal on the watched volume, and elsewhere.
      run --fs="$filesystem" --ops=$((operations / 8)) --checkpoints=$(((checkpoints + 7) / 8)) \
        --comparisons=8 --state=$state
    done
  done
}

part_stress-ng() {
  local filesystem
  for filesystem in "${filesystems[@]}"; do
    run --fs="$filesystem" --workload=stress-ng --ops=5000 --checkpoints=20 --comparisons=10
  done
}

# Three at a time: a daemon that has to wait for the processor meets orders of events that a lone
# one does not.
part_strict() {
  local strict filesystem outputs
  outputs=$(mktemp -d)
  for strict in open open-sync access; do
    declare -A runs=()
    for filesystem in ext4 xfs btrfs; do
      oracle --fs="$filesystem" --strict=$strict --ops=10000 --checkpoints=20 \
        >"$outputs/$filesystem" &
      runs[$filesystem]=$!
    done
    for filesystem in "${!runs[@]}"; do
      wait "${runs[$filesystem]}"
      judge $? "$(cat "$outputs/$filesystem")"
    done
  done
  rm -r "$outputs"
}

part_cuts() {
  local filesystem
  for filesystem in ext4 xfs; do
    run --fs="$filesystem" --cuts=55
    run --fs="$filesystem" --cuts=55 --strict=open-sync
  done
  for filesystem in ext4 xfs btrfs; do
    run --fs="$filesystem" --cuts=20 --cut=unmount
  done
}

part_kills() {
  local filesystem status
  for filesystem in ext4 xfs; do
    CJ_KILLS=100 CJ_SECONDS=1200 CJ_FILESYSTEM=$filesystem \
      tests/systemd/container_test.sh "$build" kill_steps.sh
    status=$?
    [ $status -eq 0 ] || [ $status -eq 4 ] || failed=$((failed + 1))
  done
}

readonly parts=(writers stress-ng strict cuts kills)
if [ -n "$only" ] && [[ " ${parts[*]} " != *" $only "* ]]; then
  echo "oracle.sh: there is no part $only; there are ${parts[*]}" >&2
  exit 2
fi
for part in "${parts[@]}"; do
  if [ -z "$only" ] || [ "$only" = "$part" ]; then "part_$part"; fi
done

printf '\nall runs:\n'
printf '  %s\n' "${lines[@]}"
printf '%s\n' "${lines[@]}" |
  sed -nE 's/.*: ([0-9]+) operations.*, ([0-9]+) checkpoints.*/\1 \2/p' |
  awk '{ o += $1; c += $2 } END { print o " operations, " c " checkpoints by random writers" }'
[ $failed -eq 0 ]
