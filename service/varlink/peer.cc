#include "service/varlink/peer.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#ifndef SO_PEERGROUPS
#define SO_PEERGROUPS 59  // asm-generic/socket.h, Linux 4.13
#endif

namespace cj {

namespace {

Result<std::vector<gid_t>> ReadGroups(int fd) {
  std::vector<gid_t> groups(64);
  while (true) {
    auto length = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &length) == 0) {
      groups.resize(length / sizeof(gid_t));
      return groups;
    }
    // ERANGE: `length` now says how much is needed.
    if (errno != ERANGE) return ErrnoError(errno, "cannot read a client's groups");
    groups.resize(length / sizeof(gid_t));
  }
}

}  // namespace

bool Peer::InGroup(gid_t group) const {
  return gid == group || std::find(groups.begin(), groups.end(), group) != groups.end();
}

Result<Peer> ReadPeer(int fd) {
  ucred credentials{};
  socklen_t length = sizeof(credentials);
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
    return ErrnoError(errno, "cannot read a client's credentials");
  }
  CJ_ASSIGN_OR_RETURN(std::vector<gid_t> groups, ReadGroups(fd));
  return Peer{credentials.uid, credentials.gid, credentials.pid, std::move(groups)};
}

}  // namespace cj
