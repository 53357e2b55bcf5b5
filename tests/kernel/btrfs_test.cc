// What is special of btrfs: subvolumes of one filesystem, each with its own device number and fsid.
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "../support/filesystems.h"
#include "fanotify/directories.h"
#include "recorder.h"

namespace cj {
namespace {

using Texts = std::vector<std::string>;

Result<TestFilesystem> WithSubvolume() {
  auto filesystem = TestFilesystem::Create("btrfs");
  if (!filesystem) return filesystem;
  CJ_RETURN_IF_ERROR(RunProgram({"btrfs", "subvolume", "create", filesystem->path("sub")}));
  MakeDirectory(filesystem->path("sub/d"));
  return filesystem;
}

}  // namespace

TEST_CASE(
    "btrfs: events inside a subvolume arrive at the mark of the top level, with the mark's fsid") {
  auto filesystem = WithSubvolume();
  if (!filesystem) {
    WARN("SKIPPED: " << filesystem.error().message);
    return;
  }
  Recorder recorder(filesystem->path());
  recorder.Label(filesystem->path("sub/d"), "d");
  WriteFile(filesystem->path("sub/d/f"), "x");
  recorder.Label(filesystem->path("sub/d/f"), "f");
  const auto events = recorder.Drain();
  REQUIRE(events.size() == 1);
  CHECK(recorder.Text(events[0]) == "CREATE|MODIFY|CLOSE_WRITE d/f f");
  CHECK(events[0].fsid == recorder.volume().fsid);
}

TEST_CASE("btrfs: directories of a subvolume resolve through the top level to their path there") {
  auto filesystem = WithSubvolume();
  if (!filesystem) {
    WARN("SKIPPED: " << filesystem.error().message);
    return;
  }
  MakeDirectory(filesystem->path("sub/d/e"));
  auto handle_of = [&](const std::string& path) {
    auto volume = FindVolume(filesystem->path());
    auto directories = OpenDirectories(std::vector<VolumeMount>{*volume});
    return *(*directories)->HandleOf(path);
  };
  const FileHandle root = handle_of(filesystem->path("sub"));
  const FileHandle deep = handle_of(filesystem->path("sub/d/e"));
  // Cold as well as warm.
  REQUIRE(filesystem->Unmount());
  REQUIRE(filesystem->Mount());
  auto volume = FindVolume(filesystem->path());
  REQUIRE(volume);
  auto directories = OpenDirectories(std::vector<VolumeMount>{*volume});
  REQUIRE(directories);
  auto deep_path = (*directories)->Path(0, deep);
  REQUIRE(deep_path);
  CHECK(deep_path->path == filesystem->path("sub/d/e"));
  auto root_path = (*directories)->Path(0, root);
  REQUIRE(root_path);
  CHECK(root_path->path == filesystem->path("sub"));
  auto look = (*directories)->Look(0, filesystem->path("sub"), "d");
  REQUIRE(look);
  CHECK(look->object == handle_of(filesystem->path("sub/d")));
}

TEST_CASE(
    "btrfs: a path inside a subvolume of a whole mount can be watched, under the top level's "
    "fsid") {
  auto filesystem = WithSubvolume();
  if (!filesystem) {
    WARN("SKIPPED: " << filesystem.error().message);
    return;
  }
  auto top = FindVolume(filesystem->path());
  auto inside = FindVolume(filesystem->path("sub/d"));
  REQUIRE(top);
  REQUIRE(inside);
  CHECK(inside->path == filesystem->path("sub/d"));
  CHECK(inside->identity == top->identity);
  CHECK(inside->fsid == top->fsid);
  CHECK(inside->device != top->device);
  CHECK(inside->superblock_device == top->superblock_device);
  Recorder recorder(filesystem->path("sub/d"));
  recorder.Label(filesystem->path("sub/d"), "d");
  WriteFile(filesystem->path("sub/d/f"), "x");
  CHECK(recorder.DrainText() == Texts{"CREATE|MODIFY|CLOSE_WRITE d/f ?"});
}

TEST_CASE("btrfs: changes through the mount of a subvolume arrive at the mark of the top level") {
  auto filesystem = WithSubvolume();
  if (!filesystem) {
    WARN("SKIPPED: " << filesystem.error().message);
    return;
  }
  const std::string point = filesystem->work_directory() + "/sub";
  MakeDirectory(point);
  REQUIRE(RunProgram({"mount", "-o", "subvol=sub", filesystem->Device(), point}));
  Recorder recorder(filesystem->path());
  recorder.Label(filesystem->path("sub/d"), "d");
  WriteFile(point + "/d/f", "x");
  ::umount2(point.c_str(), MNT_DETACH);
  const auto events = recorder.Drain();
  REQUIRE(events.size() == 1);
  CHECK(recorder.Text(events[0]) == "CREATE|MODIFY|CLOSE_WRITE d/f ?");
  CHECK(events[0].fsid == recorder.volume().fsid);
}

TEST_CASE(
    "btrfs: a snapshot is one CREATE of a directory, whatever is in it; its deletion one DELETE") {
  auto filesystem = WithSubvolume();
  if (!filesystem) {
    WARN("SKIPPED: " << filesystem.error().message);
    return;
  }
  Recorder recorder(filesystem->path());
  recorder.Label(filesystem->path(), "top");
  REQUIRE(RunProgram(
      {"btrfs", "subvolume", "snapshot", filesystem->path("sub"), filesystem->path("snap")}));
  recorder.Label(filesystem->path("snap"), "snap");
  CHECK(recorder.DrainText() == Texts{"CREATE|ONDIR top/snap snap"});
  REQUIRE(RunProgram({"btrfs", "subvolume", "delete", filesystem->path("snap")}));
  CHECK(recorder.DrainText() == Texts{"DELETE|ONDIR top/snap snap"});
}

}  // namespace cj
