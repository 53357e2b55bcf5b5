#include "service/access.h"

#include <grp.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

namespace cj {

AccessControl AccessControl::FromSystem(bool user_checkpoints) {
  // A group's member list may be long; the call says ERANGE until the buffer takes it.
  constexpr std::size_t kMaxBuffer = 1 << 20;
  group entry{};
  group* found = nullptr;
  std::vector<char> buffer(4096);
  int error = ::getgrnam_r(kAccessGroup, &entry, buffer.data(), buffer.size(), &found);
  while (error == ERANGE && buffer.size() < kMaxBuffer) {
    buffer.resize(buffer.size() * 2);
    error = ::getgrnam_r(kAccessGroup, &entry, buffer.data(), buffer.size(), &found);
  }
  if (error != 0 || found == nullptr) return AccessControl(std::nullopt, user_checkpoints);
  return AccessControl(entry.gr_gid, user_checkpoints);
}

bool AccessControl::MayDoEverything(const Peer& peer) const {
  return peer.uid == 0 || (group_.has_value() && peer.InGroup(*group_));
}

}  // namespace cj
