#!/usr/bin/env bash
# What is installed is enough for others: nothing but cj_* leaves the library, pkg-config and CMake
# find it, the manual page's example and the tour compile as C11 and the header as C++.
#
# Usage: install_test.sh BUILD_DIRECTORY   (exit 4: skipped)
set -euo pipefail
source_directory=$(cd "$(dirname "$0")/../.." && pwd)
fail() { echo "FAILED: $*"; exit 1; }
for program in pkg-config cmake cc c++ nm; do
  command -v "$program" >/dev/null || { echo "SKIPPED: $program is not installed"; exit 4; }
done
work=$(mktemp -d /tmp/cj-install-XXXXXX)
trap 'rm -rf "$work"' EXIT
for component in libchangejournal0 libchangejournal-dev; do
  cmake --install "$1" --prefix "$work/usr" --component "$component" >"$work/log" 2>&1 ||
    fail "$(cat "$work/log")"
done
library=$(find "$work/usr" -name libchangejournal.so)
[ -e "$library" ] || fail "no library"

foreign=$(nm -D --defined-only "$library" | awk '{print $3}' |
  grep -v -e '^cj_[a-z_]*@@CHANGEJOURNAL_0$' -e '^CHANGEJOURNAL_0$' || true)
[ -z "$foreign" ] || fail "exported: $foreign"
# Every function of the header, and no other.
grep -o '\bcj_[a-z_]*(' "$source_directory/library/changejournal.h" | tr -d '(' |
  sort -u >"$work/named"
nm -D --defined-only "$library" | sed -n 's/.* T \(cj_[a-z_]*\)@@.*/\1/p' | sort >"$work/there"
diff "$work/named" "$work/there" || fail "the header and the library differ"
# None that nothing has ever called.
(cd "$source_directory" && grep -rhoE '\bcj_[a-z_]+\(' tests/library client library/examples) |
  tr -d '(' | sort -u >"$work/called"
uncalled=$(comm -23 "$work/named" "$work/called")
[ -z "$uncalled" ] || fail "called by no test, example or client: $uncalled"
readelf -d "$library" | grep -q 'soname: \[libchangejournal.so.0\]' || fail "another soname"

PKG_CONFIG_PATH=$(dirname "$library")/pkgconfig
export PKG_CONFIG_PATH
[ "$(pkg-config --modversion changejournal)" = "$(sed -n 's/^project(.* VERSION \([^ ]*\) .*/\1/p' \
  "$source_directory/CMakeLists.txt")" ] || fail "pkg-config has another version"
read -ra flags <<<"$(pkg-config --cflags --libs changejournal)"
strict=(-std=c11 -Wall -Wextra -pedantic -Werror)
cc "${strict[@]}" -D_GNU_SOURCE -o "$work/tour" "$source_directory/library/examples/tour.c" \
  "${flags[@]}"
sed -n '/^\.EX$/,/^\.EE$/p' "$source_directory/docs/man/libchangejournal.3" |
  sed -e '/^\.E[XE]$/d' -e 's/\\-/-/g' -e 's/\\e/\\/g' >"$work/example.c"
cc "${strict[@]}" -o "$work/example" "$work/example.c" "${flags[@]}"
export LD_LIBRARY_PATH=${library%/*}
said=$("$work/tour" "$work/nothing" / 2>&1) && fail "a tour without a daemon"
grep -q 'is changejournald running' <<<"$said" || fail "$said"

mkdir "$work/project"
cat >"$work/project/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.25)
project(user LANGUAGES CXX)
find_package(changejournal 0.1 REQUIRED)
add_executable(user user.cc)
target_compile_options(user PRIVATE -std=c++17 -Wall -Wextra -pedantic -Werror)
target_link_libraries(user PRIVATE changejournal::changejournal)
END
cat >"$work/project/user.cc" <<'END'
#include <changejournal.h>
#include <changejournal.h>
#include <cstdio>
int main() { return std::puts(cj_version()) < 0; }
END
cmake -S "$work/project" -B "$work/built" -DCMAKE_PREFIX_PATH="$work/usr" >"$work/log" 2>&1 ||
  fail "$(cat "$work/log")"
cmake --build "$work/built" >"$work/log" 2>&1 || fail "$(cat "$work/log")"
[ "$("$work/built/user")" = "$(pkg-config --modversion changejournal)" ] || fail "cj_version()"
echo "$(wc -l <"$work/there") functions"
