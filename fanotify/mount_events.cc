#include "fanotify/mount_events.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/fanotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>

#include "fanotify/kernel_abi.h"

namespace cj {
namespace {

Result<UniqueFd> OpenGroup() {
  UniqueFd group(::fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | abi::kFanReportMnt,
                                 O_RDONLY | O_CLOEXEC));
  if (!group) return ErrnoError(errno, "fanotify_init for mounts (Linux 6.15 or newer)");
  const UniqueFd name_space(::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
  if (!name_space) return ErrnoError(errno, "/proc/self/ns/mnt");
  if (::fanotify_mark(group.get(), FAN_MARK_ADD | abi::kFanMarkMntns,
                      abi::kFanMntAttach | abi::kFanMntDetach, name_space.get(), nullptr) != 0) {
    return ErrnoError(errno, "fanotify_mark for mounts");
  }
  return group;
}

}  // namespace

Result<MountEvents> MountEvents::Open() {
  auto group = Open(Source::kFanotify);
  return group ? std::move(group) : Open(Source::kMountinfo);
}

Result<MountEvents> MountEvents::Open(Source source) {
  if (source == Source::kFanotify) {
    CJ_ASSIGN_OR_RETURN(UniqueFd group, OpenGroup());
    return MountEvents(source, std::move(group));
  }
  UniqueFd mounts(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
  if (!mounts) return ErrnoError(errno, "/proc/self/mountinfo");
  return MountEvents(source, std::move(mounts));
}

// An overflow of the queue is an event, too.
void MountEvents::Drain() {
  if (source_ == Source::kMountinfo) {
    pollfd poll{fd_.get(), POLLPRI, 0};  // asking is what takes it
    (void)::poll(&poll, 1, 0);
    return;
  }
  std::array<std::byte, 4096> ignored;
  while (::read(fd_.get(), ignored.data(), ignored.size()) > 0) {
  }
}

}  // namespace cj
