#include "fanotify/barrier.h"

#include <fcntl.h>
#include <sys/fanotify.h>
#include <sys/mman.h>

#include <cerrno>
#include <utility>

#include "base/thread_annotations.h"
#include "base/unique_fd.h"

namespace cj {
namespace {

Result<UniqueFd> MakeMarkedGroup(int file) {
  UniqueFd group(::fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC, O_RDONLY | O_CLOEXEC));
  if (!group) return ErrnoError(errno, "barrier: fanotify_init");
  if (::fanotify_mark(group.get(), FAN_MARK_ADD, FAN_CLOSE_WRITE, file, nullptr) != 0) {
    return ErrnoError(errno, "barrier: fanotify_mark");
  }
  return group;
}

// A file without a name that nobody ever touches: its marks never see an event, and no listener for
// permission events can hold them. And a group that keeps a mark on it for good. The file's list of
// marks is so never empty, and does not end with the mark of each group that comes and goes: its
// end would wait for a grace period of its own, behind which the one that matters took up to 20 ms
// instead of less than one.
class MarkedFile {
 public:
  // Without the group the barrier is as good, and slow.
  Result<int> Get() EXCLUDES(mutex_) {
    MutexLock lock(mutex_);
    if (!file_) file_.reset(::memfd_create("barrier", MFD_CLOEXEC));
    if (!file_) return ErrnoError(errno, "barrier: memfd_create");
    if (!standing_) {
      auto made = MakeMarkedGroup(file_.get());
      if (made.has_value()) standing_ = std::move(*made);
    }
    return file_.get();
  }

 private:
  Mutex mutex_;
  UniqueFd file_ GUARDED_BY(mutex_);
  UniqueFd standing_ GUARDED_BY(mutex_);
};

}  // namespace

Status WaitForNotifications() {
  static MarkedFile marked;
  CJ_ASSIGN_OR_RETURN(const int file, marked.Get());
  CJ_ASSIGN_OR_RETURN(UniqueFd group, MakeMarkedGroup(file));
  group.reset();
  return {};
}

}  // namespace cj
