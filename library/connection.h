// The handle of a connection, for the files that implement its functions.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "library/channel.h"
#include "protocol/replies.h"

struct cj_connection {
  // Shared with the answers that are open: handles may be closed in any order.
  std::shared_ptr<cj::library::Channel> channel = std::make_shared<cj::library::Channel>();
  std::string text = {};  // what the last call has returned
  std::vector<cj::reply::AbsentTree> absent = {};
  std::vector<cj_absent> absent_views = {};
};

namespace cj::library {

// Runs what a function of a connection does. -EINVAL: there is no handle.
template <typename Body>
int OnConnection(cj_connection* connection, const Body& body) noexcept {
  if (connection == nullptr) return -EINVAL;
  Channel& channel = *connection->channel;
  return Guarded(
      channel.error, [&] { return body(channel); }, [&] { channel.Drop(); });
}

// NULL where something must be returned.
inline int MissingResult(Channel& channel) {
  return Note(channel.error, -EINVAL, "there is nowhere to return the result: the pointer is NULL");
}

}  // namespace cj::library
