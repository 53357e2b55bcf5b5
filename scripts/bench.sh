#!/usr/bin/env bash
# Builds and runs the benchmarks (bench/README.md), on loop-mounted filesystems. All of it takes
# long: --only runs some parts, --quick does a tenth of everything, --rounds says how often each is
# done. Numbers are worth something only on a machine that does nothing else.
#
# Usage: scripts/bench.sh [--quick] [--filesystem=ext4|xfs|btrfs|tmpfs] [--rounds=N]
#                         [--only=PART,PART...]
# Parts: overhead workloads sustained scale queries fleet crawl strict git
set -euo pipefail
cd "$(dirname "$0")/.."
if [ "$(id -u)" -ne 0 ]; then
  echo "bench.sh: needs root, for fanotify and loop mounts: sudo ./scripts/bench.sh" >&2
  exit 2
fi
scripts/install-deps.sh bench
cmake --preset release -B build/bench -DCJ_BUILD_TESTS=OFF >/dev/null
cmake --build build/bench -j 2
# A mount namespace of its own: whatever happens, nothing stays mounted.
measure() {
  unshare --mount --propagation=private \
    /usr/bin/python3 "bench/$1.py" --build=build/bench --output="build/bench/$2" "${@:3}"
}
only='' rest=() rounds=()
for option in "$@"; do
  case $option in --only=*) only=${option#--only=} ;; *) rest+=("$option") ;; esac
  case $option in --rounds=*) rounds=("$option") ;; esac
done
strict=no
case ",$only," in ,, | *,strict,*) strict=yes ;; esac
git=no
case ",$only," in ,, | *,git,*) git=yes ;; esac
others=${only//strict/}
others=${others//git/}
if [ -z "$only" ] || [ -n "${others//,/}" ]; then
  measure measure results.json "${rest[@]}" ${only:+"--only=$others"}
fi
if [ "$strict" = yes ]; then measure strict strict.json "${rest[@]}"; fi
if [ "$git" = yes ]; then measure git_status git_status.json "${rounds[@]}"; fi
