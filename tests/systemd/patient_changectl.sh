#!/usr/bin/env bash
# changectl for callers that go on while the daemon is being killed: a call that the daemon did not
# live to answer is made again, as a script would. After a few times it asks killed_service.sh to
# wait.
set -uo pipefail
unreachable=5 failed=1
output=$(mktemp) errors=$(mktemp)
wait_for_me=/run/killed/wait
trap 'rm -f "$output" "$errors" "$wait_for_me"' EXIT
attempts=0
end=$((SECONDS + 100))
while :; do
  status=0
  /usr/bin/changectl "$@" >"$output" 2>"$errors" || status=$?
  if [ $status -eq $failed ] && grep -q 'ask again' "$errors"; then break; fi
  if [ $status -ne $unreachable ] && [ $status -ne $failed ]; then break; fi
  [ $SECONDS -lt $end ] || break
  attempts=$((attempts + 1))
  [ $attempts -lt 5 ] || touch "$wait_for_me"
done
cat "$output"
cat "$errors" >&2
exit "$status"
