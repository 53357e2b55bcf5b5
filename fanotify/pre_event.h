// One permission event as a plain struct, and the parser that makes it. Pure: no system call, no
// allocation. Any thread. Source: fanotify(7), <linux/fanotify.h> of Linux 6.18.
//
// A program waits until its event is answered, and the event brings a descriptor that somebody must
// close: whoever reads events owes both for each of them (pre_group.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/result.h"

namespace cj {

struct PreEvent {
  std::uint64_t mask = 0;  // FAN_OPEN_PERM or FAN_PRE_ACCESS
  std::int32_t fd = -1;    // of the object, for reading, sends no events; negative: none
  std::int32_t pid = 0;    // the process that waits, in our pid namespace; 0: unknown
  // Only FAN_PRE_ACCESS, where the kernel tells: the bytes that are about to be read or written.
  bool has_range = false;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

// Takes the first event off *buffer into *event and shortens *buffer by it. kCorruption leaves both
// as they were: the descriptors in what remains cannot be known. Requires a non-empty *buffer.
Status ParsePreEvent(std::span<const std::byte>* buffer, PreEvent* event);

}  // namespace cj
