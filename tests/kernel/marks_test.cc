// How filesystem marks live and die, and when events can be read.
#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "../support/on_every_filesystem.h"
#include "recorder.h"

namespace cj {
namespace {

bool Readable(int fd) {
  pollfd ready{fd, POLLIN, 0};
  return ::poll(&ready, 1, 0) == 1;
}

}  // namespace

TEST_CASE("the event of a change can be read as soon as its system call has returned") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    Recorder recorder(filesystem.path());
    for (int i = 0; i < 1000; ++i) {
      const std::string path = filesystem.path("f" + std::to_string(i));
      REQUIRE(::mknod(path.c_str(), S_IFREG | 0644, 0) == 0);
      REQUIRE(Readable(recorder.group().fd()));
      REQUIRE(recorder.Drain().size() == 1);
    }
  });
}

TEST_CASE("a change in another process can be read as soon as it has been waited for") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    Recorder recorder(filesystem.path());
    for (int i = 0; i < 50; ++i) {
      const std::string path = filesystem.path("f" + std::to_string(i));
      REQUIRE(InChild([&] { return ::mknod(path.c_str(), S_IFREG | 0644, 0) == 0; }));
      REQUIRE(recorder.Drain().size() == 1);
    }
  });
}

TEST_CASE("unmounting drops the mark without an event, and a new mount is not marked") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    Recorder recorder(filesystem.path());
    REQUIRE(filesystem.Unmount());
    CHECK(recorder.Drain().empty());
    REQUIRE(filesystem.Mount());
    WriteFile(filesystem.path("f"), "x");
    CHECK(recorder.Drain().empty());
    CHECK(recorder.group().Unmark(recorder.volume()).has_value());
  });
}

TEST_CASE("a group and its mark do not keep a filesystem from being unmounted") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    Recorder recorder(filesystem.path());
    WriteFile(filesystem.path("f"), "x");
    CHECK(filesystem.Unmount().has_value());
  });
}

TEST_CASE("a mark sees changes made through every mount of its filesystem") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    MakeDirectory(filesystem.path("d"));
    const std::string bind = filesystem.work_directory() + "/bind";
    MakeDirectory(bind);
    REQUIRE(::mount(filesystem.path("d").c_str(), bind.c_str(), nullptr, MS_BIND, nullptr) == 0);
    Recorder recorder(filesystem.path());
    recorder.Label(filesystem.path("d"), "d");
    REQUIRE(::mknod((bind + "/f").c_str(), S_IFREG | 0644, 0) == 0);
    ::umount2(bind.c_str(), MNT_DETACH);
    CHECK(recorder.DrainText() == std::vector<std::string>{"CREATE d/f ?"});
  });
}

TEST_CASE("after Unmark nothing new arrives, and what was queued is kept; Mark works again") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    Recorder recorder(filesystem.path());
    WriteFile(filesystem.path("before"), "x");
    REQUIRE(recorder.group().Unmark(recorder.volume()));
    WriteFile(filesystem.path("after"), "x");
    auto events = recorder.Drain();
    REQUIRE(events.size() == 1);
    CHECK(events[0].name == "before");
    CHECK(recorder.group().Unmark(recorder.volume()).has_value());
    REQUIRE(recorder.group().Mark(recorder.volume()));
    WriteFile(filesystem.path("again"), "x");
    events = recorder.Drain();
    REQUIRE(events.size() == 1);
    CHECK(events[0].name == "again");
  });
}

TEST_CASE("a bounded queue reports its overflow once, without info records") {
  auto filesystem = TestFilesystem::Create("tmpfs");
  if (!filesystem) {
    WARN("SKIPPED: " << filesystem.error().message);
    return;
  }
  int limit = 0;
  std::ifstream("/proc/sys/fs/fanotify/max_queued_events") >> limit;
  REQUIRE(limit > 0);
  auto volume = FindVolume(filesystem->path());
  REQUIRE(volume);
  auto group = LinuxKernel().CreateGroup(false);
  REQUIRE(group);
  REQUIRE((*group)->Mark(*volume));
  for (int i = 0; i < limit + 100; ++i) {
    const std::string path = filesystem->path("f" + std::to_string(i));
    REQUIRE(::mknod(path.c_str(), S_IFREG | 0644, 0) == 0);
  }
  std::vector<std::byte> buffer(64 * 1024);
  int events = 0;
  int overflows = 0;
  while (true) {
    auto count = (*group)->Read(buffer);
    REQUIRE(count);
    if (*count == 0) break;
    std::span<const std::byte> rest(buffer.data(), *count);
    while (!rest.empty()) {
      Event event;
      REQUIRE(ParseEvent(&rest, &event));
      ++events;
      if (!event.overflow()) continue;
      ++overflows;
      CHECK(event.object.empty());
      CHECK(event.parent.empty());
    }
  }
  CHECK(overflows == 1);
  CHECK(events == limit + 1);
}

}  // namespace cj
