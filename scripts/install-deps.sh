#!/usr/bin/env bash
# Installs from Debian 12 what building, testing and showing changejournal needs, and only what is
# missing: with everything there it makes no call to the network. Needs root only to install.
#
# Usage: scripts/install-deps.sh [build|demo|test|bench|ci]
# Each but bench includes those before; bench includes test, and ci does not include bench. The
# default is test.
set -euo pipefail

build_packages=(
  g++ cmake ninja-build pkg-config   # compiler and build system
  ccache                             # builds again in seconds
  libsystemd-dev                     # readiness, watchdog, socket activation, journald
  libblkid-dev                       # finds a volume again by its UUID
  libsodium-dev                      # ids of objects that say nothing of their file handles
  librocksdb-dev                     # the store
  nlohmann-json3-dev                 # Varlink messages
  libboost1.81-dev                   # Asio with coroutines (1.74, the default, lacks them in clang)
  libcli11-dev                       # command lines
  dpkg-dev                           # what the Debian package depends on
)
demo_packages=(
  e2fsprogs util-linux mount         # a filesystem in a file, and its loop device
  rsync                              # the mirror
  python3                            # writes through a mapping
  googletest                         # ships a source tree, which the demonstration unpacks
)
test_packages=(
  catch2                             # unit tests
  xfsprogs btrfs-progs               # more filesystems
  stress-ng                          # a workload that nobody here wrote
  acl attr                           # rsync -AX carries these; looked at by hand in tests
  systemd systemd-sysv dbus systemd-container  # the units, booted in a container
  procps                             # reading what the daemon costs
  git                                # the habits test asks it for the list of files
  lintian                            # is the Debian package as Debian has them?
  man-db groff-base                  # warnings of the manual pages
  zsh                                # runs its completion
  less                               # the pager
  python3-prometheus-client          # a parser of metrics that nobody here wrote
  tar gzip bup restic borgbackup     # backup programs, which integrations/ drives
  golang-go varlink-go golang-github-varlink-go-dev  # Varlink clients that we did not write
)
bench_packages=(
  inotify-tools watchman             # what people watch trees with today
)
ci_packages=(
  clang-14 clang-tidy-14 clang-format-14  # thread-safety analysis, lint, formatting
  libclang-rt-14-dev                 # libFuzzer and the sanitizers of clang
  shellcheck                         # lint for scripts
)

packages=("${build_packages[@]}")
case "${1:-test}" in
  build) ;;
  demo) packages+=("${demo_packages[@]}") ;;
  test) packages+=("${demo_packages[@]}" "${test_packages[@]}") ;;
  bench) packages+=("${demo_packages[@]}" "${test_packages[@]}" "${bench_packages[@]}") ;;
  ci) packages+=("${demo_packages[@]}" "${test_packages[@]}" "${ci_packages[@]}") ;;
  *) echo "usage: install-deps.sh [build|demo|test|bench|ci]" >&2; exit 2 ;;
esac

missing=()
for package in "${packages[@]}"; do
  state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "packages: all ${#packages[@]} are installed"
  exit 0
fi

echo "packages: installing ${missing[*]}"
if [ "$(id -u)" -ne 0 ]; then
  echo "install-deps.sh: not root; run: apt-get install ${missing[*]}" >&2
  exit 1
fi
export DEBIAN_FRONTEND=noninteractive
install=(apt-get install -y -q --no-install-recommends "${missing[@]}")
# Package lists that are there may be good enough, and then no network is needed for them.
"${install[@]}" </dev/null || { apt-get update -q </dev/null && "${install[@]}" </dev/null; }
