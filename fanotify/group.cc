#include "fanotify/group.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <utility>

#include "base/unique_fd.h"
#include "fanotify/handles.h"
#include "fanotify/volume_lookup.h"

namespace cj {
namespace {

constexpr unsigned kInitFlags = FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK |
                                FAN_REPORT_DFID_NAME_TARGET | FAN_UNLIMITED_MARKS;

Error InitRefused(int errno_value) {
  Error error = ErrnoError(errno_value, "fanotify_init");
  switch (errno_value) {
    case EPERM:
      error.message += "; run as root, or with CAP_SYS_ADMIN in the initial user namespace";
      break;
    case EINVAL:
      error.code = ErrorCode::kUnsupported;
      error.message += "; Linux 6.0 or newer is needed (FAN_REPORT_TARGET_FID)";
      break;
    case ENOSYS:
      error.message += "; this kernel is built without CONFIG_FANOTIFY";
      break;
    case EMFILE:
      error.code = ErrorCode::kLimit;
      error.message += "; raise fs.fanotify.max_user_groups, or the limit of open files";
      break;
    default:
      break;
  }
  return error;
}

// Those of which it is known that a handle finds a directory as long as it lives, and that every
// change sets a time which no program can set back. vfat, for one, loses directories that are not
// cached (its handles are looked up in the cache alone) and has no change times, and the kernel
// marks it all the same. Source: fs/fat/nfs.c and fs/fat/misc.c of Linux; read, not measured.
bool IsProven(const std::string& type) {
  static constexpr std::array<std::string_view, 6> kTypes = {"ext2", "ext3",  "ext4",
                                                             "xfs",  "btrfs", "tmpfs"};
  return std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end();
}

Error NotProven(const VolumeMount& volume) {
  return Error{ErrorCode::kUnsupported,
               volume.path + ": changes on " + volume.identity.type +
                   " could go unnoticed, so it cannot be watched; watch a directory on ext4, xfs, "
                   "btrfs or tmpfs",
               0};
}

class LinuxEventGroup : public EventGroup {
 public:
  explicit LinuxEventGroup(UniqueFd fd) : fd_(std::move(fd)) {}

  Status Mark(const VolumeMount& volume) override {
    CJ_ASSIGN_OR_RETURN(UniqueFd at, OpenVolume(volume));
    constexpr unsigned kFlags = FAN_MARK_ADD | FAN_MARK_FILESYSTEM;
    // Not every filesystem reports its errors; changes are what counts.
    int result = Change(kFlags, kPostEventMask | FAN_FS_ERROR, at.get());
    if (result != 0) result = Change(kFlags, kPostEventMask, at.get());
    if (result != 0) return MarkRefused(volume, result);
    if (IsProven(volume.identity.type)) return {};
    // The kernel was asked first, because it says better what is wrong with what it refuses.
    CJ_RETURN_IF_ERROR(Unmark(volume));
    return NotProven(volume);
  }

  Status Unmark(const VolumeMount& volume) override {
    auto at = OpenVolume(volume);
    // What is mounted there no longer is our volume: its mark went with it, or goes with the group.
    if (!at) return {};
    const int result =
        Change(FAN_MARK_REMOVE | FAN_MARK_FILESYSTEM, kPostEventMask | FAN_FS_ERROR, at->get());
    if (result == 0 || result == ENOENT) return {};
    return ErrnoError(result, volume.path + ": fanotify_mark (remove)");
  }

  // fanotify_mark(2): ENOENT when there is no mark to take something off. Opening is nothing that
  // we ever ask for, so that nothing is taken off.
  Result<bool> HasMark(const VolumeMount& volume) override {
    CJ_ASSIGN_OR_RETURN(UniqueFd at, OpenVolume(volume));
    static_assert((kPostEventMask & FAN_OPEN) == 0);
    const int result = Change(FAN_MARK_REMOVE | FAN_MARK_FILESYSTEM, FAN_OPEN, at.get());
    if (result == 0) return true;
    if (result == ENOENT) return false;
    return ErrnoError(result, volume.path + ": fanotify_mark (is there one)");
  }

  Result<std::size_t> Read(std::span<std::byte> buffer) override {
    while (true) {
      const ssize_t count = ::read(fd_.get(), buffer.data(), buffer.size());
      if (count >= 0) return static_cast<std::size_t>(count);
      if (errno == EAGAIN) return std::size_t{0};
      if (errno != EINTR) return ErrnoError(errno, "read of a fanotify group");
    }
  }

  // fanotify counts FAN_EVENT_METADATA_LEN bytes for each event, whatever its real length.
  std::uint64_t QueuedEvents() override {
    int bytes = 0;
    if (::ioctl(fd_.get(), FIONREAD, &bytes) != 0 || bytes < 0) return UINT64_MAX;
    return static_cast<std::uint64_t>(bytes) / FAN_EVENT_METADATA_LEN;
  }

  // By its path in /proc: with a descriptor alone fanotify_mark(2) wants one that was opened for
  // reading or writing, and that would send an event.
  bool IgnoreModify(int file) override {
    constexpr unsigned kFlags = FAN_MARK_ADD | FAN_MARK_IGNORE_SURV | FAN_MARK_EVICTABLE;
    const std::string path = "/proc/self/fd/" + std::to_string(file);
    return ::fanotify_mark(fd_.get(), kFlags, FAN_MODIFY, AT_FDCWD, path.c_str()) == 0;
  }

  // Marks of inodes only: all those that are not of filesystems are ours from above.
  void ForgetIgnored() override {
    ::fanotify_mark(fd_.get(), FAN_MARK_FLUSH, 0, AT_FDCWD, nullptr);
  }

  int fd() const override { return fd_.get(); }

 private:
  // 0 or an errno.
  int Change(unsigned flags, std::uint64_t mask, int at) {
    return ::fanotify_mark(fd_.get(), flags, mask, at, ".") == 0 ? 0 : errno;
  }

  UniqueFd fd_;
};

std::string BtrfsAdvice(const VolumeMount& volume) {
  auto mounts = ReadMounts();
  if (mounts) {
    for (const Mount& mount : *mounts) {
      if (mount.device == volume.superblock_device && mount.root == "/") {
        return "watch it through the top level instead, which is mounted at " + mount.point;
      }
    }
  }
  return "mount the top level (mount -o subvolid=5 DEVICE DIRECTORY) and watch that instead";
}

std::string OverlayAdvice(const VolumeMount& volume) {
  std::string upper;
  auto mounts = ReadMounts();
  if (mounts) {
    for (const Mount& mount : *mounts) {
      if (mount.device == volume.superblock_device) {
        upper = MountOption(mount.super_options, "upperdir");
      }
    }
  }
  if (upper.empty()) return "it has no upper directory, so nothing changes in it; nothing to watch";
  return "watch its upper directory instead, where its changes are made: " + upper;
}

}  // namespace

Result<UniqueFd> OpenVolume(const VolumeMount& volume) {
  const std::string path = MarkPath(volume);
  UniqueFd fd(::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return ErrnoError(errno, path);
  if (!IsVolume(fd.get(), path, volume)) {
    return Error{ErrorCode::kNotFound,
                 path + ": another filesystem is mounted there now; mount the " +
                     volume.identity.type + " with UUID " + volume.identity.uuid +
                     " again, or restart to watch what is there",
                 0};
  }
  return fd;
}

UniqueFd OpenRegularFile(const VolumeMount& volume, HandleView object) {
  // A handle is opened through a descriptor that is more than O_PATH.
  const std::string top = MarkPath(volume);
  const UniqueFd mount(::open(top.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!mount || !IsVolume(mount.get(), top, volume)) return {};
  UniqueFd file = OpenHandle(mount.get(), object, O_PATH);
  struct stat info;
  if (!file || ::fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) return {};
  return file;
}

Error MarkRefused(const VolumeMount& volume, int errno_value) {
  const std::string& type = volume.identity.type;
  Error error = ErrnoError(errno_value, volume.path + ": fanotify_mark on " + type);
  switch (errno_value) {
    case EXDEV:
      error.message =
          volume.path + ": a btrfs subvolume cannot be marked by itself; " + BtrfsAdvice(volume);
      break;
    case EOPNOTSUPP:
    case ENODEV:
      error.code = ErrorCode::kUnsupported;
      if (type == "overlay") {
        error.message =
            volume.path + ": overlayfs cannot be watched as a filesystem; " + OverlayAdvice(volume);
      } else {
        error.message = volume.path + ": " + type +
                        " gives no lasting file handles, so it cannot be watched; watch a "
                        "directory on a disk filesystem or tmpfs";
      }
      break;
    case EINVAL:
      error.code = ErrorCode::kUnsupported;
      error.message += "; Linux 6.0 or newer is needed (FAN_RENAME)";
      break;
    case EPERM:
      error.message += "; run as root, or with CAP_SYS_ADMIN in the initial user namespace";
      break;
    case ENOSPC:
      error.code = ErrorCode::kLimit;
      error.message += "; raise fs.fanotify.max_user_marks";
      break;
    default:
      break;
  }
  return error;
}

Result<std::unique_ptr<EventGroup>> AdoptEventGroup(UniqueFd fd) {
  const std::string link = "/proc/self/fd/" + std::to_string(fd.get());
  std::array<char, 64> target{};
  const ssize_t size = ::readlink(link.c_str(), target.data(), target.size());
  if (size < 0) return ErrnoError(errno, link);
  if (std::string_view(target.data(), static_cast<std::size_t>(size)) != "anon_inode:[fanotify]") {
    return Error{ErrorCode::kInvalidArgument, "a descriptor was kept that is no fanotify group", 0};
  }
  return std::unique_ptr<EventGroup>(std::make_unique<LinuxEventGroup>(std::move(fd)));
}

Result<std::unique_ptr<EventGroup>> CreateEventGroup(bool unlimited_queue) {
  const unsigned flags = kInitFlags | (unlimited_queue ? FAN_UNLIMITED_QUEUE : 0U);
  UniqueFd fd(::fanotify_init(flags, O_RDONLY | O_CLOEXEC));
  if (!fd) return InitRefused(errno);
  return std::unique_ptr<EventGroup>(std::make_unique<LinuxEventGroup>(std::move(fd)));
}

}  // namespace cj
