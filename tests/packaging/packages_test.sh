#!/usr/bin/env bash
# The Debian packages as they are made: lintian has no complaint, and what must be in them is. What
# they do on a system is tests/systemd/packaging_steps.sh.
#
# Usage: packages_test.sh BUILD_DIRECTORY   (exit 4: skipped)
set -euo pipefail
source_directory=$(cd "$(dirname "$0")/../.." && pwd)
fail() { echo "FAILED: $*"; exit 1; }
command -v lintian >/dev/null || { echo "SKIPPED: lintian is not installed"; exit 4; }

work=$(mktemp -d /tmp/cj-packages-XXXXXX)
trap 'rm -rf "$work"' EXIT
"$source_directory/tests/packaging/make_packages.sh" "$1" "$work"
packages=("$work"/*.deb)
[ -e "${packages[0]}" ] || fail "no package was made"
# Every package that packaging/CMakeLists.txt names, and no other.
named=$(grep -c '^cj_debian_package(' "$source_directory/packaging/CMakeLists.txt")
[ "${#packages[@]}" -eq "$named" ] || fail "$named packages are named, there are: ${packages[*]}"

said=$(lintian --allow-root --fail-on error,warning "${packages[@]}" 2>&1) || fail "$said"

# The changelog of the packaging and the project speak of the same version.
project=$(sed -n 's/^project(.* VERSION \([^ ]*\) .*/\1/p' "$source_directory/CMakeLists.txt")
entry=$(sed -n '1s/.*(\([^)]*\)).*/\1/p' "$source_directory/packaging/changelog")
[ "${entry%-*}" = "$project" ] || fail "packaging/changelog has no entry for version $project"
for package in "${packages[@]}"; do
  [ "$(dpkg-deb -f "$package" Version)" = "$entry" ] || fail "$package is not version $entry"
done

dpkg-deb -x "$work"/changejournal_*.deb "$work/root"
dpkg-deb -e "$work"/changejournal_*.deb "$work/control"
dpkg-deb -x "$work"/changejournal-integrations_*.deb "$work/integrations"
dpkg-deb -x "$work"/libchangejournal0_*.deb "$work/library"
dpkg-deb -x "$work"/libchangejournal-dev_*.deb "$work/dev"
root=$work/root
for page in "$source_directory"/docs/man/*; do
  case ${page##*/} in
    changejournal-*) from=$work/integrations ;;
    *.3) from=$work/dev ;;
    *) from=$root ;;
  esac
  packed=$from/usr/share/man/man${page##*.}/${page##*/}.gz
  [ -s "$packed" ] || fail "${page##*/} is not in its package"
  # -n: no time of the day in it, so that the same page is the same package.
  [ "$(od -An -tx1 -j4 -N4 "$packed" | tr -d ' ')" = 00000000 ] || fail "$packed was not gzip -n"
done

# Documents lead to what is installed, by all packages or without any; and that is the same but for
# what policy asks of packages.
for package in "${packages[@]}"; do dpkg-deb -x "$package" "$work/all"; done
DESTDIR=$work/installed cmake --install "$1" --prefix /usr >"$work/install.log"
for tree in all installed; do
  said=$("$source_directory/tests/packaging/check_documents.py" "$work/$tree") ||
    fail "$tree: $said"
  (cd "$work/$tree" && find usr -not -path 'usr/share/lintian*' -not -type d |
    grep -v -e '^usr/share/doc/[^/]*/\(changelog.*\|copyright\)$' | sed 's/\.gz$//' | sort) \
    >"$work/$tree.files"
done
said=$(diff "$work/all.files" "$work/installed.files") || fail "cmake --install differs: $said"
for file in bash-completion/completions/changectl zsh/vendor-completions/_changectl \
  varlink/org.changejournal.varlink doc/changejournal/{changelog.gz,early.conf} \
  doc/changejournal/{README.md,docs/operations.md,docs/integrations/rsync.md}; do
  [ -s "$root/usr/share/$file" ] || fail "$file is not in the package"
done

# The library, and that changectl is content with it.
library=$(echo "$work"/library/usr/lib/*/libchangejournal.so.0)
[ -e "$library" ] || fail "the library is not in its package"
LD_LIBRARY_PATH=${library%/*} "$root/usr/bin/changectl" --version >/dev/null || fail "changectl"
for file in include/changejournal.h lib/*/{libchangejournal.so,pkgconfig/changejournal.pc} \
  lib/*/cmake/changejournal/changejournal-config.cmake; do
  ! compgen -G "$work/library/usr/$file" >/dev/null || fail "$file is in the library's package"
  compgen -G "$work/dev/usr/$file" >/dev/null || fail "$file is not in the package"
done
depends=$(dpkg-deb -f "$work"/changejournal_*.deb Depends)
grep -q "libchangejournal0 (= $entry)" <<<"$depends" || fail "changejournal needs: $depends"

# Python and the backup programs are nothing that the journal needs.
! grep -rlI '^#!.*python' "$root" || fail "a program in changejournal needs Python"
fields=$(dpkg-deb -f "$work"/changejournal-integrations_*.deb Architecture Depends)
grep -qx 'Architecture: all' <<<"$fields" || fail "scripts are for one architecture: $fields"
grep -qx "Depends: changejournal (= $entry), python3:any" <<<"$fields" || fail "$fields"
programs=0
for program in "$source_directory"/integrations/changejournal-*; do
  [ -x "$program" ] || continue
  programs=$((programs + 1))
  "$work/integrations/usr/bin/${program##*/}" --help >/dev/null || fail "${program##*/} --help"
done
[ "$programs" -gt 0 ] || fail "no program in integrations/"
mirror=$work/integrations/usr/lib/systemd/system/changejournal-mirror@.service
grep -q '^ExecStart=/usr/bin/changejournal-rsync ' "$mirror" || fail "it starts something else"
[ -s "$work/integrations/usr/share/doc/changejournal-integrations/mirror.conf.example" ] ||
  fail "mirror.conf.example is not in the package"

unit=$root/usr/lib/systemd/system/changejournald.service
grep -qx 'ExecStart=/usr/sbin/changejournald' "$unit" || fail "the unit starts another program"

# As installed the configuration watches nothing, with its comments taken away it is one.
daemon=$root/usr/sbin/changejournald
check() { "$daemon" --config="$1" --check-config >"$work/said" 2>&1; }
installed=$root/etc/changejournal/changejournal.conf
grep -qx /etc/changejournal/changejournal.conf "$work/control/conffiles" || fail "no conffile"
! check "$installed" || fail "something is watched that nobody asked for"
grep -q 'nothing to watch' "$work/said" || fail "the configuration: $(cat "$work/said")"
sed 's/^#\([[A-Z]\)/\1/' "$installed" >"$work/edited.conf"
check "$work/edited.conf" || fail "the edited configuration: $(cat "$work/said")"
check "$root/usr/share/doc/changejournal/examples/changejournal.conf" ||
  fail "the example: $(cat "$work/said")"
echo "${#packages[@]} packages, version $entry: lintian has no complaint"
