// Who is at the other end of a connection, as the kernel noted at connect() time (SO_PEERCRED,
// SO_PEERGROUPS of unix(7) and socket(7)); it cannot be forged, and does not change when the
// process at the other end does. A plain value, any thread.
#pragma once

#include <sys/types.h>

#include <vector>

#include "base/result.h"

namespace cj {

struct Peer {
  uid_t uid = static_cast<uid_t>(-1);
  gid_t gid = static_cast<gid_t>(-1);
  pid_t pid = 0;              // for logs only: it may belong to another process by now
  std::vector<gid_t> groups;  // supplementary groups

  // `group` is the primary or a supplementary group of the peer.
  bool InGroup(gid_t group) const;
};

// The peer of a connected AF_UNIX socket.
Result<Peer> ReadPeer(int fd);

}  // namespace cj
