#include "fanotify/volume.h"

#include <blkid/blkid.h>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "base/text.h"
#include "fanotify/handles.h"
#include "fanotify/kernel_abi.h"
#include "fanotify/volume_lookup.h"

namespace cj {
namespace {

std::string FormatUuid(const std::uint8_t* bytes) {
  std::string text;
  for (int i = 0; i < 16; ++i) {
    std::array<char, 3> pair;
    std::snprintf(pair.data(), pair.size(), "%02x", bytes[i]);
    if (i == 4 || i == 6 || i == 8 || i == 10) text.push_back('-');
    text.append(pair.data(), 2);
  }
  return text;
}

Error BadWatchPath(const std::string& path, const std::string& what) {
  return Error{ErrorCode::kInvalidArgument, path + ": " + what, 0};
}

Result<std::string> CanonicalDirectory(const std::string& path) {
  if (path.empty() || path.front() != '/') {
    return BadWatchPath(path, "not an absolute path; begin it with '/'");
  }
  if (path.find('\0') != std::string::npos) return BadWatchPath("path", "it contains a NUL byte");
  std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  if (real == nullptr) {
    if (errno == ENOENT) {
      return Error{ErrorCode::kNotFound,
                   path + ": does not exist; create it, or mount what belongs there, first",
                   ENOENT};
    }
    if (errno == ENOTDIR) return BadWatchPath(path, "a part of it is not a directory");
    return ErrnoError(errno, path);
  }
  return std::string(real.get());
}

Result<int> MountIdOf(int fd, const std::string& path) {
  struct statx info;
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &info) != 0) return ErrnoError(errno, path);
  if ((info.stx_mask & STATX_MNT_ID) == 0) {
    return Error{ErrorCode::kUnsupported,
                 path + ": this kernel does not tell mounts apart; Linux 5.8 or newer is needed",
                 0};
  }
  return static_cast<int>(info.stx_mnt_id);
}

Result<Mount> MountOf(int fd, const std::string& path) {
  CJ_ASSIGN_OR_RETURN(const int id, MountIdOf(fd, path));
  CJ_ASSIGN_OR_RETURN(std::vector<Mount> mounts, ReadMounts());
  const auto found =
      std::find_if(mounts.begin(), mounts.end(), [id](const Mount& m) { return m.id == id; });
  if (found == mounts.end()) {
    return Error{ErrorCode::kNotFound,
                 path +
                     ": its mount is not in /proc/self/mountinfo; it was unmounted just now, or "
                     "lies outside of this process's root directory",
                 0};
  }
  return *found;
}

}  // namespace

Result<FsId> FsIdOfFd(int fd, const std::string& path) {
  struct statfs info;
  if (::fstatfs(fd, &info) != 0) return ErrnoError(errno, path);
  FsId fsid;
  static_assert(sizeof(info.f_fsid) == sizeof(fsid.value));
  std::memcpy(&fsid.value, &info.f_fsid, sizeof(fsid.value));
  return fsid;
}

bool IsVolume(int fd, const std::string& path, const VolumeMount& volume) {
  struct stat info;
  if (::fstat(fd, &info) != 0) return false;
  auto fsid = FsIdOfFd(fd, path);
  const bool same_fsid = fsid.has_value() && *fsid == volume.fsid;
  if (volume.identity.type != "btrfs") return same_fsid && info.st_dev == volume.device;
  return path == MarkPath(volume) ? same_fsid : info.st_dev == volume.device;
}

Result<std::uint64_t> MountNumber(int fd) {
  struct statx info;
  for (const unsigned which : {abi::kStatxMntIdUnique, unsigned{STATX_MNT_ID}}) {
    if (::statx(fd, "", AT_EMPTY_PATH, which, &info) != 0) return ErrnoError(errno, "statx");
    if ((info.stx_mask & which) != 0) return std::uint64_t{info.stx_mnt_id};
  }
  return Error{ErrorCode::kUnsupported, "this kernel does not tell mounts apart", 0};
}

std::string UuidFromIoctl(int directory_fd) {
  abi::FsUuid uuid{};
  if (::ioctl(directory_fd, abi::kFsIocGetFsUuid, &uuid) == 0 &&
      uuid.length == sizeof(uuid.bytes)) {
    return FormatUuid(uuid.bytes);
  }
  btrfs_ioctl_fs_info_args info{};
  struct statfs filesystem;
  if (::fstatfs(directory_fd, &filesystem) == 0 && filesystem.f_type == BTRFS_SUPER_MAGIC &&
      ::ioctl(directory_fd, BTRFS_IOC_FS_INFO, &info) == 0) {
    return FormatUuid(info.fsid);
  }
  return {};
}

std::string UuidFromBlkid(dev_t device) {
  std::unique_ptr<char, decltype(&std::free)> name(blkid_devno_to_devname(device), &std::free);
  if (name == nullptr) return {};
  std::unique_ptr<std::remove_pointer_t<blkid_probe>, decltype(&blkid_free_probe)> probe(
      blkid_new_probe_from_filename(name.get()), &blkid_free_probe);
  if (probe == nullptr) return {};
  blkid_probe_enable_superblocks(probe.get(), 1);
  blkid_probe_set_superblocks_flags(probe.get(), BLKID_SUBLKS_UUID);
  const char* uuid = nullptr;
  if (blkid_do_safeprobe(probe.get()) != 0 ||
      blkid_probe_lookup_value(probe.get(), "UUID", &uuid, nullptr) != 0) {
    return {};
  }
  return uuid;
}

std::string MarkPath(const VolumeMount& volume) {
  const bool whole_btrfs = volume.identity.type == "btrfs" && volume.mount_root == "/";
  return whole_btrfs ? volume.mount_point : volume.path;
}

Result<VolumeMount> FindVolume(const std::string& path) {
  VolumeMount volume;
  CJ_ASSIGN_OR_RETURN(volume.path, CanonicalDirectory(path));
  UniqueFd fd(::open(volume.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOTDIR) {
      return BadWatchPath(path, "not a directory; watch the directory that contains it");
    }
    return ErrnoError(errno, path);
  }
  struct stat info;
  if (::fstat(fd.get(), &info) != 0) return ErrnoError(errno, path);
  volume.device = info.st_dev;
  CJ_ASSIGN_OR_RETURN(const Mount mount, MountOf(fd.get(), volume.path));
  volume.superblock_device = mount.device;
  volume.mount_point = mount.point;
  volume.mount_root = mount.root;
  volume.identity.type = mount.type;

  // One that has none cannot be marked, which says why.
  auto root = GetHandle(fd.get(), "", AT_EMPTY_PATH);
  if (root.has_value()) volume.root = std::move(root->handle);
  auto top = GetHandle(AT_FDCWD, mount.point.c_str(), 0);
  if (top.has_value() && top->mount_id != mount.id) {
    return Error{ErrorCode::kNotFound, volume.path + ": something was mounted over it just now", 0};
  }
  if (top.has_value()) volume.mount_handle = std::move(top->handle);

  const std::string mark_path = MarkPath(volume);
  UniqueFd mark_fd(::open(mark_path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!mark_fd) return ErrnoError(errno, mark_path);
  CJ_ASSIGN_OR_RETURN(volume.fsid, FsIdOfFd(mark_fd.get(), mark_path));

  std::string uuid = UuidFromIoctl(fd.get());
  if (uuid.empty()) uuid = UuidFromBlkid(mount.device);
  if (uuid.empty()) {
    std::array<char, 32> text;
    std::snprintf(text.data(), text.size(), "fsid-%016llx",
                  static_cast<unsigned long long>(volume.fsid.value));
    uuid = text.data();
  }
  volume.identity.uuid = std::move(uuid);
  return volume;
}

}  // namespace cj
