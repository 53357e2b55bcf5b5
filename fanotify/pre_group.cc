#include "fanotify/pre_group.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/fanotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "base/unique_fd.h"
#include "fanotify/group.h"
#include "fanotify/kernel_abi.h"

namespace cj {
namespace {

constexpr unsigned kGroupFlags =
    FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_QUEUE | FAN_UNLIMITED_MARKS;
// The event's descriptor: never waits at a FIFO.
constexpr unsigned kEventFlags = O_RDONLY | O_CLOEXEC | O_LARGEFILE | O_NONBLOCK;
// Dies with the inode, survives writing (FAN_MARK_IGNORE is Linux 6.0).
constexpr unsigned kIgnoreFlags = FAN_MARK_ADD | FAN_MARK_IGNORE_SURV | FAN_MARK_EVICTABLE;

std::uint64_t MaskOf(PreMode mode) {
  return mode == PreMode::kAccess ? FAN_OPEN_PERM | abi::kFanPreAccess : FAN_OPEN_PERM;
}

const char* NameOf(PreMode mode) { return mode == PreMode::kAccess ? "access" : "open"; }

Error PreRefused(const VolumeMount& volume, PreMode mode, int errno_value) {
  Error error = ErrnoError(errno_value, "fanotify_mark");
  if (errno_value != EOPNOTSUPP && errno_value != EINVAL && errno_value != ENODEV) {
    return WithContext(std::move(error), volume.path);
  }
  error.code = ErrorCode::kUnsupported;
  error.message = volume.path + ": PreModify=" + NameOf(mode) + " is not possible on " +
                  volume.identity.type + " with this kernel; ";
  error.message += mode == PreMode::kAccess
                       ? "it needs Linux 6.14 and ext4, xfs or btrfs; use PreModify=open"
                       : "it needs CONFIG_FANOTIFY_ACCESS_PERMISSIONS; use PreModify=off";
  return error;
}

class LinuxPreGroup : public PreGroup {
 public:
  LinuxPreGroup(UniqueFd fd, PreMode mode) : fd_(std::move(fd)), mode_(mode) {}

  Status Mark(const VolumeMount& volume) override {
    CJ_ASSIGN_OR_RETURN(UniqueFd at, OpenVolume(volume));
    if (::fanotify_mark(fd_.get(), FAN_MARK_ADD | FAN_MARK_FILESYSTEM, MaskOf(mode_), at.get(),
                        ".") != 0) {
      return PreRefused(volume, mode_, errno);
    }
    return {};
  }

  // By no path: that may lead elsewhere by now, and programs would go on waiting for nobody.
  Status Unmark() override {
    if (::fanotify_mark(fd_.get(), FAN_MARK_FLUSH | FAN_MARK_FILESYSTEM, 0, AT_FDCWD, nullptr) ==
        0) {
      return {};
    }
    return ErrnoError(errno, "fanotify_mark (flush)");
  }

  // As in group.cc: something that we never ask for is taken off, so that nothing is.
  Result<bool> HasMark(const VolumeMount& volume) override {
    auto at = OpenVolume(volume);
    if (!at) return false;
    if (::fanotify_mark(fd_.get(), FAN_MARK_REMOVE | FAN_MARK_FILESYSTEM, FAN_CLOSE_NOWRITE,
                        at->get(), ".") == 0) {
      return true;
    }
    if (errno == ENOENT) return false;
    return ErrnoError(errno, volume.path + ": fanotify_mark (is there one)");
  }

  Result<std::size_t> Read(std::span<std::byte> buffer) override {
    while (true) {
      const ssize_t count = ::read(fd_.get(), buffer.data(), buffer.size());
      if (count >= 0) return static_cast<std::size_t>(count);
      if (errno == EAGAIN) return std::size_t{0};
      if (errno != EINTR) return ErrnoError(errno, "read of permission events");
    }
  }

  // do_dentry_open() raises the inode's count of writers before it asks us, and a lease for reading
  // is given only where that count is zero (fcntl(2): EAGAIN).
  bool MayBeWritten(int event_fd) override {
    if (::fcntl(event_fd, F_SETLEASE, F_RDLCK) != 0) return true;
    ::fcntl(event_fd, F_SETLEASE, F_UNLCK);
    return false;
  }

  bool Identify(int event_fd, PreObject* object) override {
    struct stat info;
    if (::fstat(event_fd, &info) != 0) return false;
    alignas(::file_handle) std::array<char, sizeof(::file_handle) + abi::kMaxHandleBytes> bytes{};
    auto* handle = reinterpret_cast<::file_handle*>(bytes.data());
    handle->handle_bytes = abi::kMaxHandleBytes;
    int mount_id = 0;
    if (::name_to_handle_at(event_fd, "", handle, &mount_id, AT_EMPTY_PATH) != 0) return false;
    object->handle_type = handle->handle_type;
    object->handle_bytes = static_cast<std::uint8_t>(handle->handle_bytes);
    std::memcpy(object->handle.data(), handle->f_handle, handle->handle_bytes);
    object->ctime_nsec = info.st_ctim.tv_sec * 1'000'000'000LL + info.st_ctim.tv_nsec;
    return true;
  }

  void Ignore(int event_fd, std::uint64_t mask) override {
    ::fanotify_mark(fd_.get(), kIgnoreFlags, mask & MaskOf(mode_), event_fd, nullptr);
  }

  void Allow(int event_fd) override {
    Answer(event_fd);
    ::close(event_fd);
  }

  // The program need not wait for the mark, unless its next step, the first access, would wait for
  // us again without it.
  void AllowForGood(int event_fd) override {
    if (mode_ == PreMode::kAccess) Ignore(event_fd, UINT64_MAX);
    Answer(event_fd);
    if (mode_ != PreMode::kAccess) Ignore(event_fd, UINT64_MAX);
    ::close(event_fd);
  }

  int fd() const override { return fd_.get(); }

 private:
  void Answer(int event_fd) {
    const fanotify_response response{event_fd, FAN_ALLOW};
    // A program that was killed meanwhile does not wait any more (ENOENT).
    while (::write(fd_.get(), &response, sizeof(response)) < 0 && errno == EINTR) {
    }
  }

  UniqueFd fd_;
  const PreMode mode_;
};

}  // namespace

Result<std::unique_ptr<PreGroup>> CreateLinuxPreGroup(PreMode mode) {
  std::signal(SIGIO, SIG_IGN);
  const unsigned group_class = mode == PreMode::kAccess ? FAN_CLASS_PRE_CONTENT : FAN_CLASS_CONTENT;
  UniqueFd fd(::fanotify_init(group_class | kGroupFlags, kEventFlags));
  if (!fd) {
    const int reason = errno;
    Error error = ErrnoError(reason, std::string("fanotify_init for PreModify=") + NameOf(mode));
    if (reason == EMFILE) {
      error.message += "; raise fs.fanotify.max_user_groups, or the limit of open files";
    }
    if (reason == EINVAL) {
      error.code = ErrorCode::kUnsupported;
      error.message += "; this kernel has no permission events, use PreModify=off";
    }
    return error;
  }
  return std::unique_ptr<PreGroup>(std::make_unique<LinuxPreGroup>(std::move(fd), mode));
}

bool CanTellWriters() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capget, &header, data) != 0) return false;
  if ((data[CAP_TO_INDEX(CAP_LEASE)].effective & CAP_TO_MASK(CAP_LEASE)) == 0) return false;
  // fs.leases-enable=0 refuses all leases.
  UniqueFd enabled(::open("/proc/sys/fs/leases-enable", O_RDONLY | O_CLOEXEC));
  char value = '1';
  return !enabled || ::read(enabled.get(), &value, 1) != 1 || value != '0';
}

}  // namespace cj
