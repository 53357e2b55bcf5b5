#include "journal/state_directory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <string_view>

#include "base/unique_fd.h"

namespace cj {
namespace {

// The parent's entry for the new directory survives power loss only when the parent is synced.
Status SyncParent(const std::string& path) {
  std::size_t end = path.find_last_not_of('/');
  std::size_t slash = end == std::string::npos ? end : path.rfind('/', end);
  std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  UniqueFd fd(open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd || fsync(fd.get()) != 0) return ErrnoError(errno, "syncing the directory " + parent);
  return {};
}

Status MakeDirectory(const std::string& path) {
  if (mkdir(path.c_str(), 0700) == 0) return SyncParent(path);
  if (errno == EEXIST) return {};
  if (errno == ENOENT) {
    return Error{ErrorCode::kNotFound,
                 "making the state directory " + path + ": its parent directory does not exist",
                 ENOENT};
  }
  return ErrnoError(errno, "making the state directory " + path);
}

// Calls `visit` with the name of each entry but "." and "..".
Status ListDirectory(const std::string& path,
                     const std::function<void(int directory, const char* name)>& visit) {
  std::unique_ptr<DIR, int (*)(DIR*)> stream(opendir(path.c_str()), closedir);
  if (!stream) return ErrnoError(errno, "reading the state directory " + path);
  errno = 0;
  while (const dirent* entry = readdir(stream.get())) {
    std::string_view name = entry->d_name;
    if (name != "." && name != "..") visit(dirfd(stream.get()), entry->d_name);
    errno = 0;
  }
  if (errno != 0) return ErrnoError(errno, "reading the state directory " + path);
  return {};
}

// A table or a write-ahead log: digits, then ".sst" or ".log".
bool HoldsRocksData(std::string_view name) {
  std::size_t digits = name.find_first_not_of("0123456789");
  if (digits == 0 || digits == std::string_view::npos) return false;
  std::string_view extension = name.substr(digits);
  return extension == ".sst" || extension == ".log";
}

}  // namespace

Status PrepareDirectory(const std::string& path, bool create) {
  struct stat state {};
  if (stat(path.c_str(), &state) != 0) {
    if (errno != ENOENT) return ErrnoError(errno, "the state directory " + path);
    if (!create) {
      return Error{ErrorCode::kNotFound, "there is no state directory " + path, ENOENT};
    }
    CJ_RETURN_IF_ERROR(MakeDirectory(path));
    if (stat(path.c_str(), &state) != 0) {
      return ErrnoError(errno, "the state directory " + path);
    }
  }
  if (!S_ISDIR(state.st_mode)) {
    return Error{
        ErrorCode::kInvalidArgument,
        "the state directory " + path + " is not a directory; name another one, or move it",
        ENOTDIR};
  }
  if (access(path.c_str(), R_OK | W_OK | X_OK) != 0) {
    return ErrnoError(errno, "the state directory " + path + " cannot be written to");
  }
  return {};
}

Status MakePrivate(const std::string& path, bool ours) {
  constexpr mode_t kOthers = S_IRWXG | S_IRWXO;
  struct stat state {};
  if (stat(path.c_str(), &state) != 0) return ErrnoError(errno, "the state directory " + path);
  if ((state.st_mode & kOthers) == 0) return {};
  bool empty = true;
  CJ_RETURN_IF_ERROR(ListDirectory(path, [&empty](int, const char*) { empty = false; }));
  if (!ours && !empty) {
    return Error{ErrorCode::kInvalidArgument,
                 "the state directory " + path +
                     " holds other things and is open to other users; name an empty directory, or "
                     "one that does not exist yet"};
  }
  if (chmod(path.c_str(), S_IRWXU) != 0) {
    return ErrnoError(errno, "making the state directory " + path + " private");
  }
  return {};
}

Result<bool> HasDatabase(const std::string& path) {
  struct stat state {};
  if (stat((path + "/CURRENT").c_str(), &state) == 0) return true;
  if (errno != ENOENT) return ErrnoError(errno, path + "/CURRENT");
  bool remains = false;
  CJ_RETURN_IF_ERROR(ListDirectory(
      path, [&remains](int, const char* name) { remains = remains || HoldsRocksData(name); }));
  if (remains) {
    return Error{ErrorCode::kCorruption,
                 "the journal in " + path +
                     " is damaged: its file CURRENT is missing. Nothing was changed; restore the "
                     "directory, or move it away to start a new journal"};
  }
  return false;
}

std::optional<pid_t> LockHolder(const std::string& path) {
  UniqueFd fd(open((path + "/LOCK").c_str(), O_RDWR | O_CLOEXEC));
  if (!fd) return std::nullopt;
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (fcntl(fd.get(), F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK || lock.l_pid <= 0) {
    return std::nullopt;
  }
  return lock.l_pid;
}

std::optional<std::uint64_t> FilesystemBytes(const std::string& path) {
  struct statvfs state {};
  if (::statvfs(path.c_str(), &state) != 0) return std::nullopt;
  return std::uint64_t{state.f_blocks} * state.f_frsize;
}

std::optional<std::uint64_t> FreeBytes(const std::string& path) {
  struct statvfs state {};
  if (::statvfs(path.c_str(), &state) != 0) return std::nullopt;
  return std::uint64_t{state.f_bavail} * state.f_frsize;
}

Result<std::uint64_t> DirectoryUsage(const std::string& path) {
  constexpr std::uint64_t kStatBlock = 512;  // the unit of st_blocks, stat(2)
  std::uint64_t bytes = 0;
  auto add = [&bytes](int directory, const char* name) {
    struct stat state {};
    // A file that is gone by now takes nothing.
    if (fstatat(directory, name, &state, AT_SYMLINK_NOFOLLOW) != 0) return;
    if (S_ISREG(state.st_mode)) bytes += static_cast<std::uint64_t>(state.st_blocks) * kStatBlock;
  };
  CJ_RETURN_IF_ERROR(ListDirectory(path, add));
  return bytes;
}

}  // namespace cj
