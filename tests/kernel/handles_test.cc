// What handles are good for: the FIDs of events are those of name_to_handle_at(2); directory
// handles lead to the present path, cold or not; file handles do not.
#include "fanotify/handles.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>

#include "../support/on_every_filesystem.h"
#include "base/unique_fd.h"
#include "fanotify/inode_number.h"
#include "recorder.h"

namespace cj {
namespace {

UniqueFd OpenDirectory(const std::string& path) {
  return UniqueFd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

std::string PathOf(int mount_fd, const FileHandle& handle) {
  const UniqueFd fd = OpenHandle(mount_fd, handle.view(), O_PATH);
  if (!fd) return std::string("errno ") + std::to_string(errno);
  auto path = PathOfFd(fd.get());
  return path ? *path : path.error().message;
}

}  // namespace

TEST_CASE("FIDs of events equal what name_to_handle_at gives, and fit in 128 bytes") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    Recorder recorder(filesystem.path());
    MakeDirectory(filesystem.path("d"));
    WriteFile(filesystem.path("d/f"), "x");
    const auto events = recorder.Drain();
    REQUIRE(events.size() == 2);
    CHECK(events[0].parent == recorder.HandleAtPath(filesystem.path()));
    CHECK(events[0].object == recorder.HandleAtPath(filesystem.path("d")));
    CHECK(events[1].parent == recorder.HandleAtPath(filesystem.path("d")));
    CHECK(events[1].object == recorder.HandleAtPath(filesystem.path("d/f")));
    CHECK(events[1].object.view().bytes.size() <= 128);
  });
}

TEST_CASE("the inode number in a handle is that of the file, where handles have one") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    auto volume = FindVolume(filesystem.path());
    REQUIRE(volume.has_value());
    Recorder recorder(filesystem.path());
    MakeDirectory(filesystem.path("d"));
    WriteFile(filesystem.path("d/f"), "x");
    REQUIRE(::symlink("f", filesystem.path("d/l").c_str()) == 0);
    for (const char* name : {"", "d", "d/f", "d/l"}) {
      const std::string path = filesystem.path(name);
      struct stat info;
      REQUIRE(::lstat(path.c_str(), &info) == 0);
      const auto number = InodeNumberOf(volume->identity.type, recorder.HandleAtPath(path).view());
      INFO(path);
      CHECK(number.has_value() == (volume->identity.type != "btrfs"));
      if (number.has_value()) CHECK(*number == info.st_ino);
    }
  });
}

TEST_CASE("an absent handle, or one of another form, has no number") {
  const std::string bytes(16, '\1');
  const std::string_view all = bytes;
  CHECK_FALSE(InodeNumberOf("ext4", {}).has_value());
  CHECK_FALSE(InodeNumberOf("ext4", {1, all}).has_value());
  CHECK_FALSE(InodeNumberOf("ext4", {0x81, all.substr(0, 12)}).has_value());
  CHECK_FALSE(InodeNumberOf("tmpfs", {1, all.substr(0, 8)}).has_value());
  CHECK_FALSE(InodeNumberOf("btrfs", {1, all.substr(0, 8)}).has_value());
  CHECK(InodeNumberOf("xfs", {0x81, all.substr(0, 12)}) == 0x0101'0101'0101'0101);
}

TEST_CASE("a directory handle leads to the present path after renames of it and of its ancestors") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    Recorder recorder(filesystem.path());
    MakeDirectory(filesystem.path("a"));
    MakeDirectory(filesystem.path("a/b"));
    const FileHandle handle = recorder.HandleAtPath(filesystem.path("a/b"));
    REQUIRE(::rename(filesystem.path("a/b").c_str(), filesystem.path("a/c").c_str()) == 0);
    REQUIRE(::rename(filesystem.path("a").c_str(), filesystem.path("z").c_str()) == 0);
    const UniqueFd mount = OpenDirectory(filesystem.path());
    CHECK(PathOf(mount.get(), handle) == filesystem.path("z/c"));
    CHECK(recorder.HandleAtPath(filesystem.path("z/c")) == handle);
  });
}

TEST_CASE("a cold directory handle leads to its path; a cold file handle leads to \"/\"") {
  for (const std::string type : {"ext4", "xfs", "btrfs"}) {
    auto filesystem = TestFilesystem::Create(type);
    if (!filesystem) {
      WARN("SKIPPED: " << filesystem.error().message);
      continue;
    }
    INFO(type);
    MakeDirectory(filesystem->path("a"));
    MakeDirectory(filesystem->path("a/b"));
    WriteFile(filesystem->path("a/b/f"), "x");
    auto directory = GetHandle(AT_FDCWD, filesystem->path("a/b").c_str(), 0);
    auto file = GetHandle(AT_FDCWD, filesystem->path("a/b/f").c_str(), 0);
    REQUIRE(directory);
    REQUIRE(file);
    REQUIRE(filesystem->Unmount());
    REQUIRE(filesystem->Mount());
    const UniqueFd mount = OpenDirectory(filesystem->path());
    CHECK(PathOf(mount.get(), file->handle) == "/");
    CHECK(PathOf(mount.get(), directory->handle) == filesystem->path("a/b"));
  }
}

TEST_CASE(
    "the handle of a deleted directory answers ESTALE, also when its inode number is used again") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    MakeDirectory(filesystem.path("a"));
    auto handle = GetHandle(AT_FDCWD, filesystem.path("a").c_str(), 0);
    REQUIRE(handle);
    REQUIRE(::rmdir(filesystem.path("a").c_str()) == 0);
    const UniqueFd mount = OpenDirectory(filesystem.path());
    CHECK(PathOf(mount.get(), handle->handle) == "errno " + std::to_string(ESTALE));
    for (int i = 0; i < 64; ++i) {
      const std::string path = filesystem.path("n" + std::to_string(i));
      MakeDirectory(path);
      auto other = GetHandle(AT_FDCWD, path.c_str(), 0);
      REQUIRE(other);
      CHECK(other->handle != handle->handle);
    }
    CHECK(PathOf(mount.get(), handle->handle) == "errno " + std::to_string(ESTALE));
  });
}

TEST_CASE(
    "a deleted directory that is held open still opens by its handle, with no link and no path") {
  OnEveryFilesystem([](TestFilesystem& filesystem) {
    MakeDirectory(filesystem.path("a"));
    auto handle = GetHandle(AT_FDCWD, filesystem.path("a").c_str(), 0);
    REQUIRE(handle);
    const UniqueFd held = OpenDirectory(filesystem.path("a"));
    REQUIRE(::rmdir(filesystem.path("a").c_str()) == 0);
    const UniqueFd mount = OpenDirectory(filesystem.path());
    const std::string found = PathOf(mount.get(), handle->handle);
    INFO(found);
    const bool gone = found == "errno " + std::to_string(ESTALE);
    CHECK((gone || found == filesystem.path("a") + " (deleted)" || found == "/"));
    struct stat info;
    REQUIRE(::fstat(held.get(), &info) == 0);
    CHECK(info.st_nlink == 0);
  });
}

TEST_CASE(
    "two filesystems of one type do not share an fsid, and the fsid of statfs is that of events") {
  auto one = TestFilesystem::Create("ext4");
  auto two = TestFilesystem::Create("ext4");
  if (!one || !two) {
    WARN("SKIPPED: no ext4");
    return;
  }
  Recorder first(one->path());
  Recorder second(two->path());
  CHECK(first.volume().fsid != second.volume().fsid);
  WriteFile(two->path("f"), "x");
  CHECK(first.Drain().empty());
  const auto events = second.Drain();
  REQUIRE(events.size() == 1);
  CHECK(events[0].fsid == second.volume().fsid);
}

}  // namespace cj
