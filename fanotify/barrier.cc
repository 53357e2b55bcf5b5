#include "fanotify/barrier.h"

#include <fcntl.h>
#include <sys/fanotify.h>

#include <cerrno>

#include "base/unique_fd.h"

namespace cj {

Status WaitForNotifications() {
  UniqueFd group(::fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC, O_RDONLY | O_CLOEXEC));
  if (!group) return ErrnoError(errno, "barrier: fanotify_init");
  // The root directory always exists, and nobody can close a directory that was open for writing:
  // the mark never sees an event.
  if (::fanotify_mark(group.get(), FAN_MARK_ADD, FAN_CLOSE_WRITE, AT_FDCWD, "/") != 0) {
    return ErrnoError(errno, "barrier: fanotify_mark");
  }
  group.reset();
  return {};
}

}  // namespace cj
