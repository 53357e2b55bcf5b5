// Tells what a nameless ATTRIB of a file means. The kernel sends one when a link count changes, as
// the beginning of unlink(2) and link(2), whose DELETE or CREATE of the same object follows; and
// one when the attributes of a file are changed that was opened by its handle and has no cached
// name (a file server does that). The first is no change that an answer tells, the second is.
//
// So each waits until the end of the batch, or until kWaiting others have come, for the event that
// explains it; what nothing explains is taken for a change. A wrong guess for "change" costs a
// record too much. A wrong guess for "link count" needs a file with several names, or one opened by
// handle, whose attributes are changed by the very process that in the same milliseconds unlinks or
// links it, or has just renamed another file over some name (recent_renames.h).
//
// Not thread-safe: the writer's.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

#include "fanotify/event.h"
#include "fanotify/file_handle.h"
#include "fanotify/volume.h"

namespace cj {

struct NamelessChange {
  VolumeId volume;
  std::int32_t pid = 0;
  FileHandle object;
};

class NamelessAttributes {
 public:
  // As many processes as may be in the middle of an unlink at once.
  static constexpr std::size_t kWaiting = 64;

  // Gives the oldest one when too many wait: nothing has explained it.
  std::optional<NamelessChange> Add(VolumeId volume, const Event& event);
  // The object is deleted or linked: that explains what waits for it. False: nothing did.
  bool Explain(VolumeId volume, HandleView object);
  // At the end of a batch: what nothing has explained; nullopt: no more.
  std::optional<NamelessChange> Take();

 private:
  std::deque<NamelessChange> waiting_;  // oldest first
};

}  // namespace cj
