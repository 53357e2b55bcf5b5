// Being woken by mounts, in either way.
#include "fanotify/mount_events.h"

#include <poll.h>
#include <sys/mount.h>

#include <catch2/catch.hpp>
#include <string>

#include "tests/kernel/recorder.h"
#include "tests/support/filesystems.h"

namespace cj {
namespace {

// Asking a descriptor of mountinfo takes what it has to tell.
bool IsReady(const MountEvents& events) {
  const bool group = events.source() == MountEvents::Source::kFanotify;
  pollfd poll{events.fd(), static_cast<short>(group ? POLLIN : POLLPRI), 0};
  return ::poll(&poll, 1, 0) == 1;
}

void Attach(const std::string& path) {
  REQUIRE(::mount("none", path.c_str(), "tmpfs", 0, nullptr) == 0);
}
void Detach(const std::string& path) { REQUIRE(::umount2(path.c_str(), MNT_DETACH) == 0); }

}  // namespace

TEST_CASE("mount events: a mount, a move and an unmount wake, once; nothing else does") {
  const auto source = GENERATE(MountEvents::Source::kFanotify, MountEvents::Source::kMountinfo);
  auto opened = MountEvents::Open(source);
  if (!opened && source == MountEvents::Source::kFanotify) {
    WARN("SKIPPED: " << opened.error().message);
    return;
  }
  REQUIRE(opened);
  MountEvents& events = *opened;
  TemporaryDirectory scratch;
  const std::string one = scratch.path("one");
  const std::string two = scratch.path("two");
  MakeDirectory(one);
  MakeDirectory(two);
  events.Drain();
  CHECK_FALSE(IsReady(events));
  Attach(one);
  CHECK(IsReady(events));
  events.Drain();
  CHECK_FALSE(IsReady(events));
  REQUIRE(::mount(one.c_str(), two.c_str(), nullptr, MS_MOVE, nullptr) == 0);
  CHECK(IsReady(events));
  events.Drain();
  Detach(two);
  CHECK(IsReady(events));
  events.Drain();
  // Many at once are one wake-up, and more than the queue takes as well.
  for (int i = 0; i < 20; ++i) {
    Attach(one);
    Detach(one);
  }
  CHECK(IsReady(events));
  events.Drain();
  CHECK_FALSE(IsReady(events));
}

TEST_CASE("mount events: the kernel's own are taken where it has them") {
  auto own = MountEvents::Open(MountEvents::Source::kFanotify);
  auto any = MountEvents::Open();
  REQUIRE(any);
  CHECK((any->source() == MountEvents::Source::kFanotify) == own.has_value());
}

}  // namespace cj
