#!/usr/bin/env bash
# The long run of the oracle (tests/oracle/README.md): on every filesystem, with random writers and
# with stress-ng. At least 200,000 operations and 300 checkpoints with random writers alone.
#
# Usage: scripts/oracle.sh [BUILD_DIRECTORY] [OPERATIONS] [CHECKPOINTS]   (the last two: in all)
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
build=${1:-build/dev} operations=${2:-200000} checkpoints=${3:-300}
filesystems=(ext4 xfs btrfs tmpfs)
programs=(--daemon="$build/service/changejournald" --changectl="$build/client/changectl")
failed=0
lines=()

run() {
  local output status
  output=$("$build/tests/oracle/oracle" "$@" "${programs[@]}" 2>&1)
  status=$?
  local verdict='^(oracle [a-z0-9]+ seed|SKIPPED|FAILED)'
  lines+=("$(printf '%s\n' "$output" | grep -E "$verdict" | tail -n 1)")
  printf '%s\n' "${lines[-1]}"
  if [ $status -ne 0 ] && [ $status -ne 4 ]; then
    printf '%s\n' "$output" | head -n 200
    failed=$((failed + 1))
  fi
}

for filesystem in "${filesystems[@]}"; do
  for state in inside outside; do
    # Half of the share each: the journal on the watched volume, and elsewhere.
    run --fs="$filesystem" --ops=$((operations / 8)) --checkpoints=$(((checkpoints + 7) / 8)) \
      --comparisons=8 --state=$state
  done
done
for filesystem in "${filesystems[@]}"; do
  run --fs="$filesystem" --workload=stress-ng --ops=5000 --checkpoints=20 --comparisons=10
done

printf '\nall runs:\n'
printf '  %s\n' "${lines[@]}"
printf '%s\n' "${lines[@]}" |
  sed -nE 's/.*: ([0-9]+) operations.*, ([0-9]+) checkpoints.*/\1 \2/p' |
  awk '{ o += $1; c += $2 } END { print o " operations, " c " checkpoints by random writers" }'
[ $failed -eq 0 ]
