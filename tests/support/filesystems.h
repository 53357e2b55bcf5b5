// Real filesystems for tests: sparse images, made and loop-mounted below a directory of our own,
// and gone with the object, also when the test fails. Needs root; not thread-safe.
//
//   auto fs = TestFilesystem::Create("ext4");
//   if (!fs) { WARN("SKIPPED: " << fs.error().message); return; }
//   fs->path("file")
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace cj {

// A directory made by mkdtemp, removed with all that is in it; never crosses into a mount.
class TemporaryDirectory {
 public:
  TemporaryDirectory();
  TemporaryDirectory(TemporaryDirectory&& other) noexcept;
  TemporaryDirectory& operator=(TemporaryDirectory&&) = delete;
  ~TemporaryDirectory();
  const std::string& path() const { return path_; }
  std::string path(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

class TestFilesystem {
 public:
  static constexpr int kDefaultMebibytes = 512;  // more than xfs and btrfs ask for at least

  // `type`: ext4, xfs, btrfs, tmpfs, or another that has a mkfs.TYPE. kUnsupported when the machine
  // lacks something (root, mkfs, the kernel's filesystem): the message says what.
  static Result<TestFilesystem> Create(const std::string& type, int mebibytes = kDefaultMebibytes);

  TestFilesystem(TestFilesystem&& other) noexcept;
  TestFilesystem& operator=(TestFilesystem&&) = delete;
  ~TestFilesystem();

  // The mount point; `name` below it.
  const std::string& path() const { return mount_point_; }
  std::string path(const std::string& name) const { return mount_point_ + "/" + name; }
  const std::string& type() const { return type_; }
  const std::string& image() const { return image_; }  // empty for tmpfs
  const std::string& work_directory() const { return work_.path(); }

  Status Unmount();
  // Mounts again after Unmount(), the same device. A tmpfs comes back empty. `options` as in mount
  // -o.
  Status Mount(const std::string& options = "");
  // The loop device that is mounted, "/dev/loop3"; empty for tmpfs.
  std::string Device() const;

 private:
  TestFilesystem(std::string type, int mebibytes);

  TemporaryDirectory work_;
  std::string type_;
  int mebibytes_;
  std::string image_;
  std::string mount_point_;
  bool mounted_ = false;
  std::string device_;  // while it is unmounted: the loop device, which is held
  UniqueFd held_device_;
};

// Runs a program found in PATH and waits for it; kIo with its output when it fails.
Status RunProgram(const std::vector<std::string>& arguments);

// Unmounts, as soon as the journal's crawl, which walks there for a moment, has let go.
Status UnmountIdle(const std::string& path);

// The disk filesystems and tmpfs on which everything has to work.
inline const std::vector<std::string>& TestedFilesystemTypes() {
  static const std::vector<std::string> types{"ext4", "xfs", "btrfs", "tmpfs"};
  return types;
}

}  // namespace cj
