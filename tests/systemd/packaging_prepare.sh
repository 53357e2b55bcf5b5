#!/usr/bin/env bash
# Makes the packages, and each with a higher version, for packaging_steps.sh.
#
# Usage: packaging_prepare.sh ROOT BUILD_DIRECTORY RESULT_DIRECTORY
set -euo pipefail
# Images of containers forbid packages to start services; this container is to be a system.
rm -f "$1/usr/sbin/policy-rc.d"
# Nobody looks for a manual page there, and making the index takes seconds for each package.
rm -f "$1/var/lib/man-db/auto-update"
"$(dirname "$0")/../packaging/make_packages.sh" "$2" "$3/packages"
# higher PACKAGE FIRST NEXT: what needs changejournal needs it in the same version.
higher() {
  cp "$1" "$2"
  dpkg-deb -R "$2" "${3%.deb}"
  sed -i -e 's/^Version: .*/&.1/' -e 's/changejournal (= [^)]*/&.1/' "${3%.deb}/DEBIAN/control"
  dpkg-deb --root-owner-group -b "${3%.deb}" "$3" >>"${3%/*}/dpkg-deb.log"
}
cp "$3"/packages/libchangejournal0_*.deb "$3/library.deb"
higher "$3"/packages/changejournal_*.deb "$3/first.deb" "$3/next.deb"
higher "$3"/packages/changejournal-integrations_*.deb "$3/integrations.deb" \
  "$3/integrations_next.deb"
