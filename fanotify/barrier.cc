#include "fanotify/barrier.h"

#include <fcntl.h>
#include <sys/fanotify.h>

#include <cerrno>

#include "base/unique_fd.h"

namespace cj {
namespace {

// A group that is marked where nothing ever happens: the root directory always exists, and nobody
// can close a directory that was open for writing.
Result<UniqueFd> MakeSilentGroup() {
  UniqueFd group(::fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC, O_RDONLY | O_CLOEXEC));
  if (!group) return ErrnoError(errno, "barrier: fanotify_init");
  if (::fanotify_mark(group.get(), FAN_MARK_ADD, FAN_CLOSE_WRITE, AT_FDCWD, "/") != 0) {
    return ErrnoError(errno, "barrier: fanotify_mark");
  }
  return group;
}

// Never closed. The directory's list of marks is so never empty, and does not end with the mark of
// each group that comes and goes: its end would wait for a grace period of its own, behind which
// the one that matters took up to 20 ms instead of less than one. Where it cannot be made the
// barrier is as good, and slow.
void KeepListOfMarks() {
  static const Result<UniqueFd> standing = MakeSilentGroup();
  (void)standing;
}

}  // namespace

Status WaitForNotifications() {
  KeepListOfMarks();
  CJ_ASSIGN_OR_RETURN(UniqueFd group, MakeSilentGroup());
  group.reset();
  return {};
}

}  // namespace cj
