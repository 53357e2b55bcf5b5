// Who may ask: root and the members of group "changejournal". Everybody else is refused until there
// is a view filtered to what they may list themselves. Any thread.
#pragma once

#include <sys/types.h>

#include <optional>

#include "service/varlink/peer.h"

namespace cj {

inline constexpr const char* kAccessGroup = "changejournal";

class AccessControl {
 public:
  // `group`: the id of kAccessGroup; nullopt when there is no such group: only root may ask.
  explicit AccessControl(std::optional<gid_t> group) : group_(group) {}
  // Looks the group up in the system's databases. Blocks on them: call it at start.
  static AccessControl FromSystem();

  bool MayDoEverything(const Peer& peer) const;

 private:
  std::optional<gid_t> group_;
};

}  // namespace cj
