#!/usr/bin/env bash
# Packs what a build directory has built, stripped, without building anything.
#
# Usage: make_packages.sh BUILD_DIRECTORY OUTPUT_DIRECTORY   (exit 4: skipped)
set -euo pipefail
for program in cpack dpkg-deb dpkg-shlibdeps; do
  command -v "$program" >/dev/null || { echo "SKIPPED: $program is not installed"; exit 4; }
done
mkdir -p "$2"
log=$2/cpack.log
cpack --config "$1/CPackConfig.cmake" -B "$2" >"$log" 2>&1 || { cat "$log"; exit 1; }
