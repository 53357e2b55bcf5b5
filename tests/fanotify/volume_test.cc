#include "fanotify/volume.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "../kernel/recorder.h"
#include "../support/filesystems.h"
#include "../support/on_every_filesystem.h"
#include "fanotify/volume_lookup.h"

namespace cj {
namespace {

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a volume keeps its identity across mounts, tmpfs for as long as it is mounted") {
  OnEveryFilesystem([&](TestFilesystem& filesystem) {
    MakeDirectory(filesystem.path("d"));
    auto volume = FindVolume(filesystem.path("d") + "/../d/");
    REQUIRE(volume);
    CHECK(volume->identity.type == filesystem.type());
    CHECK(volume->identity.uuid.size() == 36);
    CHECK(volume->path == filesystem.path("d"));
    CHECK(volume->mount_point == filesystem.path());
    CHECK(volume->mount_root == "/");
    CHECK(volume->id == VolumeId());
    REQUIRE(filesystem.Unmount());
    REQUIRE(filesystem.Mount());
    auto again = FindVolume(filesystem.path());
    REQUIRE(again);
    CHECK((again->identity == volume->identity) == (filesystem.type() != "tmpfs"));
  });
}

TEST_CASE("libblkid and the kernel agree on UUIDs") {
  for (const char* type : {"ext4", "xfs", "btrfs"}) {
    auto filesystem = TestFilesystem::Create(type);
    if (!filesystem) {
      WARN("SKIPPED: " << filesystem.error().message);
      continue;
    }
    INFO(type);
    UniqueFd fd(::open(filesystem->path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct stat device;
    REQUIRE(::stat(filesystem->Device().c_str(), &device) == 0);
    const std::string uuid = UuidFromBlkid(device.st_rdev);
    CHECK(uuid.size() == 36);
    const std::string from_kernel = UuidFromIoctl(fd.get());
    if (from_kernel.empty()) {
      WARN("SKIPPED: this kernel does not tell the UUID of " << type);
      continue;
    }
    CHECK(from_kernel == uuid);
  }
  CHECK(UuidFromBlkid(0).empty());
}

TEST_CASE("the mount is the one that the path is on, bind mounts and mounts on top included") {
  auto filesystem = TestFilesystem::Create("ext4");
  if (!filesystem) {
    WARN("SKIPPED: " << filesystem.error().message);
    return;
  }
  MakeDirectory(filesystem->path("part"));
  MakeDirectory(filesystem->path("part/in"));
  const std::string bind = filesystem->work_directory() + "/bind";
  MakeDirectory(bind);
  REQUIRE(::mount(filesystem->path("part").c_str(), bind.c_str(), nullptr, MS_BIND, nullptr) == 0);
  auto whole = FindVolume(filesystem->path("part"));
  auto part = FindVolume(bind + "/in");
  ::umount2(bind.c_str(), MNT_DETACH);
  REQUIRE(whole);
  REQUIRE(part);
  CHECK(part->mount_point == bind);
  CHECK(part->mount_root == "/part");
  CHECK(part->identity == whole->identity);
  CHECK(part->fsid == whole->fsid);
  CHECK(part->device == whole->device);

  REQUIRE(::mount("t", filesystem->path("part").c_str(), "tmpfs", 0, nullptr) == 0);
  auto top = FindVolume(filesystem->path("part"));
  ::umount2(filesystem->path("part").c_str(), MNT_DETACH);
  REQUIRE(top);
  CHECK(top->identity.type == "tmpfs");
}

TEST_CASE("paths that cannot be watched are refused with what to do instead") {
  TemporaryDirectory directory;
  WriteFile(directory.path("file"), "");
  struct Row {
    std::string path;
    ErrorCode code;
    const char* says;
  };
  const Row rows[] = {
      {"relative/path", ErrorCode::kInvalidArgument, "absolute"},
      {"", ErrorCode::kInvalidArgument, "absolute"},
      {directory.path("missing"), ErrorCode::kNotFound, "does not exist"},
      {directory.path("file"), ErrorCode::kInvalidArgument, "not a directory"},
      {directory.path("file/x"), ErrorCode::kInvalidArgument, "not a directory"},
      {std::string("/tmp\0x", 6), ErrorCode::kInvalidArgument, "NUL"},
  };
  for (const Row& row : rows) {
    INFO(row.path);
    auto volume = FindVolume(row.path);
    REQUIRE_FALSE(volume);
    CHECK(volume.error().code == row.code);
    CHECK(Contains(volume.error().message, row.says));
  }
}

TEST_CASE("a symbolic link is followed to the directory that is watched") {
  TemporaryDirectory directory;
  MakeDirectory(directory.path("real"));
  REQUIRE(::symlink("real", directory.path("link").c_str()) == 0);
  auto volume = FindVolume(directory.path("link"));
  REQUIRE(volume);
  CHECK(volume->path == directory.path("real"));
}

}  // namespace cj
