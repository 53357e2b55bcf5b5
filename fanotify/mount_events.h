// To be woken when something is mounted or unmounted in our mount namespace. What has changed is
// not told: whoever is woken looks at the places that matter to it.
//
// Where the kernel has it, a group of its own for mounts (FAN_REPORT_MNT, Linux 6.15;
// fanotify_mark(2), FAN_MARK_MNTNS): an event stays queued until it is read. Else
// /proc/self/mountinfo, which is ready for EPOLLPRI once after each change (proc_pid_mountinfo(5)),
// for those who wait at that moment.
//
// One thread at a time.
#pragma once

#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"

namespace cj {

class MountEvents {
 public:
  enum class Source { kFanotify, kMountinfo };

  // The better one of the two that works. Owned by the caller, and the descriptor with it.
  static Result<MountEvents> Open();
  static Result<MountEvents> Open(Source source);

  Source source() const { return source_; }
  // Wait for it to be readable (kFanotify), or to have exceptional data (kMountinfo). For the
  // latter wait again before looking.
  int fd() const { return fd_.get(); }
  // Takes what has been told: fd() is not ready again before the next change. Never blocks.
  void Drain();

 private:
  MountEvents(Source source, UniqueFd fd) : source_(source), fd_(std::move(fd)) {}

  Source source_;
  UniqueFd fd_;
};

}  // namespace cj
