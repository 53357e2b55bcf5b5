#include "fanotify/handles.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstring>
#include <memory>

#include "base/text.h"
#include "fanotify/kernel_abi.h"
#include "fanotify/volume.h"

namespace cj {
namespace {

// Creating an inode takes microseconds, but its creator may have to wait for the disk or a
// processor.
constexpr int kCreatingAttempts = 10'000;

// struct file_handle with room for the largest handle.
struct HandleBuffer {
  alignas(
      ::file_handle) std::array<std::byte, sizeof(::file_handle) + abi::kMaxHandleBytes> bytes{};
  ::file_handle* get() { return reinterpret_cast<::file_handle*>(bytes.data()); }
};

// A rename between the look at the name and its proof is tried again this often.
constexpr int kLocateAttempts = 16;

std::optional<ObjectPlace> PlaceAt(const std::string& path, HandleView object, int object_fd) {
  const PathParts parts = SplitPath(path);
  if (parts.directory.empty() || parts.name.empty()) return std::nullopt;
  const std::string directory(parts.directory);
  const std::string name(parts.name);
  UniqueFd parent(::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!parent) return std::nullopt;
  auto found = GetHandle(parent.get(), name.c_str(), 0);
  if (!found || found->handle.view() != object) return std::nullopt;
  // The same handle on another filesystem that hides this one is another object.
  struct stat by_name, by_handle;
  if (::fstatat(parent.get(), name.c_str(), &by_name, AT_SYMLINK_NOFOLLOW) != 0 ||
      ::fstat(object_fd, &by_handle) != 0 || by_name.st_dev != by_handle.st_dev) {
    return std::nullopt;
  }
  auto parent_handle = GetHandle(parent.get(), "", AT_EMPTY_PATH);
  if (!parent_handle) return std::nullopt;
  return ObjectPlace{std::move(parent_handle->handle), name};
}

UniqueFd OpenOnSameMount(int top_fd, const std::string& path, int flags) {
  UniqueFd fd(::open(path.c_str(), flags));
  if (!fd) return fd;
  const auto wanted = MountNumber(top_fd);
  const auto found = MountNumber(fd.get());
  if (wanted.has_value() && found.has_value() && *wanted == *found) return fd;
  fd.reset();
  errno = EXDEV;
  return fd;
}

}  // namespace

UniqueFd OpenName(int directory_fd, const std::string& name, int flags) {
  struct open_how how = {};
  how.flags = static_cast<std::uint64_t>(flags | O_NOFOLLOW | O_CLOEXEC);
  how.resolve = RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS;
  return UniqueFd(
      static_cast<int>(::syscall(SYS_openat2, directory_fd, name.c_str(), &how, sizeof how)));
}

UniqueFd OpenWithin(int top_fd, const std::string& top, const std::string& path, int flags) {
  flags |= O_NOFOLLOW | O_CLOEXEC;
  if (!PathContains(top, path)) {
    errno = EXDEV;
    return {};
  }
  std::string below = ".";
  if (path != top) below = path.substr(top == "/" ? 1 : top.size() + 1);
  UniqueFd fd = OpenName(top_fd, below, flags);
  if (fd || (errno != ENOSYS && errno != EPERM)) return fd;
  return OpenOnSameMount(top_fd, path, flags);
}

Result<HandleAt> GetHandle(int directory_fd, const char* path, int flags) {
  HandleBuffer buffer;
  buffer.get()->handle_bytes = abi::kMaxHandleBytes;
  int mount_id = 0;
  if (::name_to_handle_at(directory_fd, path, buffer.get(), &mount_id, flags) != 0) {
    return ErrnoError(errno, std::string("name_to_handle_at ") + path);
  }
  const HandleView view{
      buffer.get()->handle_type,
      {reinterpret_cast<const char*>(buffer.get()->f_handle), buffer.get()->handle_bytes}};
  return HandleAt{FileHandle(view), mount_id};
}

UniqueFd OpenHandle(int mount_fd, HandleView handle, int flags) {
  if (handle.empty() || handle.bytes.size() > abi::kMaxHandleBytes) {
    errno = ESTALE;
    return {};
  }
  HandleBuffer buffer;
  buffer.get()->handle_bytes = static_cast<unsigned>(handle.bytes.size());
  buffer.get()->handle_type = handle.type;
  std::memcpy(buffer.get()->f_handle, handle.bytes.data(), handle.bytes.size());
  // ENOMEM is also what a filesystem says while the inode's number is being given to a new inode
  // (iget_locked() finds it in I_CREATING): a moment later the old handle is stale.
  for (int attempt = 1;; ++attempt) {
    UniqueFd fd(::open_by_handle_at(mount_fd, buffer.get(), flags | O_CLOEXEC));
    if (fd || errno != ENOMEM || attempt == kCreatingAttempts) return fd;
    ::sched_yield();
  }
}

Result<std::string> PathOfFd(int fd) {
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  std::array<char, PATH_MAX + 1> text;
  const ssize_t length = ::readlink(link.c_str(), text.data(), text.size());
  if (length < 0) {
    Error error = ErrnoError(errno, "readlink " + link);
    if (errno == ENAMETOOLONG) {
      error.code = ErrorCode::kLimit;
      error.message = "the path of a directory is longer than the kernel can say (PATH_MAX)";
    }
    return error;
  }
  return std::string(text.data(), static_cast<std::size_t>(length));
}

std::optional<ObjectPlace> LocateObject(int mount_fd, HandleView object) {
  UniqueFd fd = OpenHandle(mount_fd, object, O_PATH);
  if (!fd) return std::nullopt;
  std::string before;
  for (int attempt = 0; attempt < kLocateAttempts; ++attempt) {
    auto path = PathOfFd(fd.get());
    // The same path that has just failed to lead to the object will fail again.
    if (!path || *path == before) return std::nullopt;
    if (auto place = PlaceAt(*path, object, fd.get())) return place;
    before = *std::move(path);
  }
  return std::nullopt;
}

}  // namespace cj
