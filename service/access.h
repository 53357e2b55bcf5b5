// Who may do everything: root and the members of group "changejournal". Everybody else may ask, and
// hears of what he could list himself (viewer_calls.cc). Any thread.
#pragma once

#include <sys/types.h>

#include <optional>

#include "service/varlink/peer.h"

namespace cj {

inline constexpr const char* kAccessGroup = "changejournal";

class AccessControl {
 public:
  // `group`: the id of kAccessGroup; nullopt when there is no such group: then there is only root.
  explicit AccessControl(std::optional<gid_t> group, bool user_checkpoints = false)
      : group_(group), user_checkpoints_(user_checkpoints) {}
  // Looks the group up in the system's databases. Blocks on them: call it at start.
  static AccessControl FromSystem(bool user_checkpoints);

  bool MayDoEverything(const Peer& peer) const;
  // All others may make checkpoints (AllowUserCheckpoints=).
  bool user_checkpoints() const { return user_checkpoints_; }

 private:
  std::optional<gid_t> group_;
  bool user_checkpoints_;
};

}  // namespace cj
