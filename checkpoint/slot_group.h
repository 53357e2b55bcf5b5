// A fanotify group of a slot, and the hands that keep its descriptor when this process dies.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/unique_fd.h"
#include "fanotify/kernel.h"

namespace cj {

// Keeps copies of descriptors for the process that comes after this one: systemd's FD store
// (sd_pid_notify_with_fds(3)). Any thread.
class DescriptorKeeper {
 public:
  virtual ~DescriptorKeeper() = default;
  // A copy of `fd` is kept from when this returns, whatever happens to this process. False: it is
  // not.
  virtual bool Keep(const std::string& name, int fd) = 0;
  // What is kept under this name is closed. May take milliseconds.
  virtual void Forget(const std::string& name) = 0;
};

// A descriptor that the process before left behind.
struct KeptDescriptor {
  std::string name;
  UniqueFd fd;
};

struct SlotGroup {
  std::unique_ptr<EventGroup> group;
  std::int64_t empty_usec = 0;  // when its queue was last known to be empty: at first, before it
                                // was made
  std::string kept_as = {};     // its name with the keeper; empty: not kept
  std::uint64_t number = 0;     // the reader's, from 1
};

}  // namespace cj
