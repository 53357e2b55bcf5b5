#!/usr/bin/env bash
# Makes the package, and one with a higher version, for packaging_steps.sh.
#
# Usage: packaging_prepare.sh ROOT BUILD_DIRECTORY RESULT_DIRECTORY
set -euo pipefail
# Images of containers forbid packages to start services; this container is to be a system.
rm -f "$1/usr/sbin/policy-rc.d"
# Nobody looks for a manual page there, and making the index takes seconds for each package.
rm -f "$1/var/lib/man-db/auto-update"
"$(dirname "$0")/../packaging/make_packages.sh" "$2" "$3/packages"
cp "$3"/packages/changejournal_*.deb "$3/first.deb"
dpkg-deb -R "$3/first.deb" "$3/next"
sed -i 's/^Version: .*/&.1/' "$3/next/DEBIAN/control"
dpkg-deb --root-owner-group -b "$3/next" "$3/next.deb" >"$3/dpkg-deb.log"
