// Filesystems that cannot be marked, and what we tell people to do about it.
#include <sys/mount.h>
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cerrno>

#include "../support/filesystems.h"
#include "fanotify/group.h"
#include "recorder.h"

namespace cj {
namespace {

Status TryMark(const std::string& path) {
  CJ_ASSIGN_OR_RETURN(const VolumeMount volume, FindVolume(path));
  CJ_ASSIGN_OR_RETURN(std::unique_ptr<EventGroup> group, LinuxKernel().CreateGroup(true));
  return group->Mark(volume);
}

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// An overlay over directories of a filesystem, unmounted with the object.
class Overlay {
 public:
  explicit Overlay(const TestFilesystem& filesystem) : point_(filesystem.path("merged")) {
    for (const char* name : {"lower", "upper", "work", "merged"})
      MakeDirectory(filesystem.path(name));
    const std::string options = "lowerdir=" + filesystem.path("lower") +
                                ",upperdir=" + filesystem.path("upper") +
                                ",workdir=" + filesystem.path("work");
    mounted_ = ::mount("overlay", point_.c_str(), "overlay", 0, options.c_str()) == 0;
  }
  ~Overlay() {
    if (mounted_) ::umount2(point_.c_str(), MNT_DETACH);
  }
  Overlay(const Overlay&) = delete;
  Overlay& operator=(const Overlay&) = delete;
  bool mounted() const { return mounted_; }

 private:
  std::string point_;
  bool mounted_ = false;
};

}  // namespace

TEST_CASE("a filesystem that the kernel marks, and that is not known to be fit, is refused by us") {
  auto filesystem = TestFilesystem::Create("ext4");
  if (!filesystem) {
    WARN("SKIPPED: " << filesystem.error().message);
    return;
  }
  auto volume = FindVolume(filesystem->path());
  REQUIRE(volume);
  volume->identity.type = "vfat";
  auto group = LinuxKernel().CreateGroup(true);
  REQUIRE(group);
  const Status marked = (*group)->Mark(*volume);
  REQUIRE_FALSE(marked);
  CHECK(marked.error().code == ErrorCode::kUnsupported);
  CHECK(Contains(marked.error().message, "changes on vfat could go unnoticed"));
  CHECK(Contains(marked.error().message, "ext4, xfs, btrfs or tmpfs"));
  CHECK_FALSE((*group)->HasMark(*volume).value());
}

TEST_CASE("overlayfs refuses the mark, and the message names the upper directory") {
  auto filesystem = TestFilesystem::Create("ext4");
  if (!filesystem) {
    WARN("SKIPPED: " << filesystem.error().message);
    return;
  }
  Overlay overlay(*filesystem);
  if (!overlay.mounted()) {
    WARN("SKIPPED: no overlayfs");
    return;
  }
  const Status marked = TryMark(filesystem->path("merged"));
  REQUIRE_FALSE(marked);
  CHECK(marked.error().code == ErrorCode::kUnsupported);
  CHECK(marked.error().errno_value == EOPNOTSUPP);
  CHECK(Contains(marked.error().message, filesystem->path("upper")));
}

TEST_CASE("a mark on the upper filesystem sees what is changed through the overlay") {
  auto filesystem = TestFilesystem::Create("ext4");
  if (!filesystem) {
    WARN("SKIPPED: " << filesystem.error().message);
    return;
  }
  Overlay overlay(*filesystem);
  if (!overlay.mounted()) {
    WARN("SKIPPED: no overlayfs");
    return;
  }
  Recorder recorder(filesystem->path());
  recorder.Label(filesystem->path("upper"), "upper");
  WriteFile(filesystem->path("merged/f"), "x");
  recorder.Label(filesystem->path("upper/f"), "f");
  bool created = false;
  bool modified = false;
  for (const RecordedEvent& event : recorder.Drain()) {
    if (event.object != recorder.HandleAtPath(filesystem->path("upper/f"))) continue;
    if (event.name == "f") created |= (event.mask & (FAN_CREATE | FAN_RENAME)) != 0;
    modified |= (event.mask & FAN_MODIFY) != 0;
  }
  CHECK(created);
  CHECK(modified);
}

TEST_CASE(
    "a btrfs subvolume mounted by itself refuses the mark, and the message names the top level") {
  auto filesystem = TestFilesystem::Create("btrfs");
  if (!filesystem) {
    WARN("SKIPPED: " << filesystem.error().message);
    return;
  }
  REQUIRE(RunProgram({"btrfs", "subvolume", "create", filesystem->path("sub")}));
  const std::string point = filesystem->work_directory() + "/sub";
  MakeDirectory(point);
  REQUIRE(RunProgram({"mount", "-o", "subvol=sub", filesystem->Device(), point}));
  const Status with_top = TryMark(point);
  ::umount2(point.c_str(), MNT_DETACH);
  REQUIRE_FALSE(with_top);
  CHECK(with_top.error().code == ErrorCode::kUnsupported);
  CHECK(with_top.error().errno_value == EXDEV);
  CHECK(Contains(with_top.error().message, "mounted at " + filesystem->path()));

  REQUIRE(filesystem->Unmount());
  REQUIRE(filesystem->Mount("subvol=sub"));
  const Status alone = TryMark(filesystem->path());
  REQUIRE_FALSE(alone);
  CHECK(Contains(alone.error().message, "subvolid=5"));
}

TEST_CASE("procfs and sysfs refuse the mark") {
  for (const char* path : {"/proc", "/sys"}) {
    INFO(path);
    const Status marked = TryMark(path);
    REQUIRE_FALSE(marked);
    CHECK(marked.error().code == ErrorCode::kUnsupported);
    CHECK(Contains(marked.error().message, "cannot be watched"));
  }
}

TEST_CASE("a volume is not marked when another filesystem is mounted at its path") {
  auto filesystem = TestFilesystem::Create("ext4");
  if (!filesystem) {
    WARN("SKIPPED: " << filesystem.error().message);
    return;
  }
  auto volume = FindVolume(filesystem->path());
  REQUIRE(volume);
  auto group = LinuxKernel().CreateGroup(true);
  REQUIRE(group);
  REQUIRE(::mount("tmpfs", filesystem->path().c_str(), "tmpfs", 0, nullptr) == 0);
  const Status marked = (*group)->Mark(*volume);
  ::umount2(filesystem->path().c_str(), MNT_DETACH);
  REQUIRE_FALSE(marked);
  CHECK(marked.error().code == ErrorCode::kNotFound);
  CHECK((*group)->Mark(*volume).has_value());
}

TEST_CASE("without CAP_SYS_ADMIN the message says what is needed") {
  std::string message;
  CHECK(InChild([] {
    if (::setuid(65534) != 0) return false;
    // The kernel gives unprivileged users groups, but neither ours nor filesystem marks.
    auto group = CreateEventGroup(true);
    return !group && group.error().code == ErrorCode::kPermissionDenied &&
           Contains(group.error().message, "CAP_SYS_ADMIN");
  }));
}

}  // namespace cj
