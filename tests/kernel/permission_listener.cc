#include "permission_listener.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <catch2/catch.hpp>
#include <utility>

namespace cj {

PermissionListener::PermissionListener(const std::string& directory, PreMode mode, bool ignore)
    : ignore_(ignore), stop_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  auto volume = FindVolume(directory);
  REQUIRE(volume);
  volume_ = std::move(*volume);
  auto group = CreateLinuxPreGroup(mode);
  REQUIRE(group);
  group_ = std::move(*group);
  // Before the mark: from then on somebody may wait.
  thread_ = std::thread([this] { Run(); });
  REQUIRE(group_->Mark(volume_));
}

PermissionListener::~PermissionListener() {
  (void)group_->Unmark().has_value();
  ::eventfd_write(stop_.get(), 1);
  thread_.join();
}

std::vector<SeenPermission> PermissionListener::Take() {
  MutexLock lock(mutex_);
  return std::exchange(seen_, {});
}

void PermissionListener::Answer(const PreEvent& event) {
  SeenPermission seen;
  seen.mask = event.mask;
  seen.may_be_written = group_->MayBeWritten(event.fd);
  seen.has_range = event.has_range;
  seen.offset = event.offset;
  seen.length = event.length;
  PreObject object;
  if (group_->Identify(event.fd, &object)) seen.object = FileHandle(object.view());
  {
    MutexLock lock(mutex_);
    seen_.push_back(std::move(seen));
  }
  if (ignore_) group_->Ignore(event.fd, UINT64_MAX);
  group_->Allow(event.fd);
}

void PermissionListener::Run() {
  std::array<std::byte, kPreReadBytes> buffer;
  for (;;) {
    pollfd ready[2] = {{group_->fd(), POLLIN, 0}, {stop_.get(), POLLIN, 0}};
    ::poll(ready, 2, -1);
    if (ready[1].revents != 0) return;
    auto size = group_->Read(buffer);
    if (!size) return;
    std::span<const std::byte> rest(buffer.data(), *size);
    while (!rest.empty()) {
      PreEvent event;
      if (!ParsePreEvent(&rest, &event)) return;
      if (event.fd >= 0) Answer(event);
    }
  }
}

}  // namespace cj
