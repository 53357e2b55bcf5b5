// One fanotify event as a plain struct of views, and the parser that makes it. Pure: no system
// call, no allocation. Any thread. Source: fanotify(7), <linux/fanotify.h>; what each operation of
// a program makes the kernel send is pinned by tests/kernel/.
#pragma once

#include <sys/fanotify.h>

#include <cstdint>
#include <span>

#include "base/result.h"
#include "fanotify/file_handle.h"

namespace cj {

// The kernel's fsid of the filesystem an event comes from. It tells the volumes of one group apart
// while they are mounted; it is not an identity across mounts or boots.
struct FsId {
  std::uint64_t value = 0;
  friend auto operator<=>(const FsId&, const FsId&) = default;
};

// The events that we ask of a volume. MOVED_FROM/TO only repeat RENAME; DELETE_SELF and MOVE_SELF
// say nothing that DELETE and RENAME do not.
inline constexpr std::uint64_t kPostEventMask =
    FAN_CREATE | FAN_DELETE | FAN_RENAME | FAN_MODIFY | FAN_ATTRIB | FAN_CLOSE_WRITE | FAN_ONDIR;

// Views point into the parsed buffer and live as long as it does.
struct Event {
  std::uint64_t mask = 0;  // FAN_*; several operations may be merged into one mask, without order
  std::int32_t pid = 0;    // process (not thread) that did it, in our pid namespace; 0: unknown
  FsId fsid;
  HandleView object;  // the inode it happened to; absent where the kernel has none
  HandleView parent;  // for RENAME: the new parent. For a directory's own event: itself, name "."
  std::string_view name;
  HandleView old_parent;  // only RENAME
  std::string_view old_name;
  std::int32_t fs_error = 0;  // only FAN_FS_ERROR: the errno that the filesystem met
  std::uint32_t fs_error_count = 0;

  bool on_directory() const { return (mask & FAN_ONDIR) != 0; }
  bool overflow() const { return (mask & FAN_Q_OVERFLOW) != 0; }
};

// Takes the first event off *buffer into *event and shortens *buffer by it. Bounds are checked at
// every step: a damaged buffer gives kCorruption and leaves *buffer as it was. Unknown info records
// are skipped (newer kernels may add some). Requires a non-empty *buffer.
Status ParseEvent(std::span<const std::byte>* buffer, Event* event);

}  // namespace cj
