#!/usr/bin/env bash
# Builds changejournal and runs every test; installs what is missing first. May be run again at any
# time. The last line is "N passed, N failed, N skipped"; the exit status says whether any failed.
#
# Usage: scripts/test.sh [--full] [--preset=dev|release|asan|tsan|clang] [--label=REGEX] [--no-deps]
#   --full     also the long oracle (200,000 operations, 300 checkpoints), and the hostile clients
#              in full number: 1,000,000 messages, 10,000 connections and departures
#   --preset   how to build (CMakePresets.json); default dev
#   --label    only the tests with this label, or without it after a minus: --label=-oracle
#   --no-deps  does not look for missing packages
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

preset=dev full=false deps=true select=()
for word in "$@"; do
  case "$word" in
    --full) full=true ;;
    --preset=*) preset=${word#*=} ;;
    --label=-*) select=(-LE "${word#*=-}") ;;
    --label=*) select=(-L "${word#*=}") ;;
    --no-deps) deps=false ;;
    *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  esac
done
if [ "$(id -u)" -ne 0 ]; then
  echo "test.sh: needs root, for fanotify and loop mounts: sudo ./scripts/test.sh" >&2
  exit 2
fi

step() { printf '\n== %s (%d s)\n' "$*" "$SECONDS"; }
give_up() { echo "$*" >&2; echo "0 passed, 1 failed, 0 skipped"; exit 1; }

if $deps; then
  step "packages"
  scripts/install-deps.sh test || give_up "packages are missing"
fi
build=build/$preset
step "configure $build"
cmake --preset "$preset" >"/tmp/cj-configure.$$" 2>&1 ||
  { cat "/tmp/cj-configure.$$"; rm -f "/tmp/cj-configure.$$"; give_up "configuring failed"; }
rm -f "/tmp/cj-configure.$$"
step "build $build"
export NINJA_STATUS='[%f/%t %es] '
cmake --build "$build" -j 2 || give_up "the build failed"

if $full; then
  export CJ_MESSAGES=${CJ_MESSAGES:-1000000} CJ_CONNECTIONS=${CJ_CONNECTIONS:-10000}
fi
log=$build/test-output.log
: >"$log"
step "test $build"
# -V would drown the summary: the whole output goes to the log, one line per test to the terminal.
ctest --test-dir "$build" -j 2 --output-on-failure --output-log "$PWD/$log" --no-tests=error \
  "${select[@]}" | grep -vE '^(Internal ctest|Test project|    Start )'
ctest_status=${PIPESTATUS[0]}

count() { grep -cE "$1" "$log"; }
passed=$(count '^ *[0-9]+/[0-9]+ Test +#[0-9]+: .* Passed ')
skipped=$(count '^ *[0-9]+/[0-9]+ Test +#[0-9]+: .*\*\*\*Skipped')
total=$(count '^ *[0-9]+/[0-9]+ Test +#[0-9]+: ')
failed=$((total - passed - skipped))
[ "$total" -gt 0 ] || failed=1

if $full; then
  step "oracle, long"
  if scripts/oracle.sh "$build"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
fi
[ "$failed" -gt 0 ] || [ "$ctest_status" -eq 0 ] || failed=1

parts=$(grep -h 'SKIPPED' "$build/Testing/Temporary/LastTest.log" 2>/dev/null | sort | uniq -c)
if [ -n "$parts" ]; then
  printf '\nSkipped, with how often:\n%s\n' "$parts"
  # A test that is skipped as a whole says why, too: counted once.
  reasons=$(printf '%s\n' "$parts" | wc -l)
  [ "$reasons" -le "$skipped" ] || skipped=$reasons
fi
step "done; the whole output is in $build/Testing/Temporary/LastTest.log"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
