#include "tests/oracle/tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

namespace cj::oracle {
namespace {

// The writers' files are far smaller; this only keeps a sparse giant from eating the memory.
constexpr std::size_t kContentLimitBytes = std::size_t{64} << 20;

std::string ReadContent(int fd) {
  std::string content;
  char block[1 << 16];
  while (content.size() < kContentLimitBytes) {
    const ssize_t got = read(fd, block, sizeof block);
    if (got <= 0) break;
    content.append(block, static_cast<std::size_t>(got));
  }
  return content;
}

std::string ReadTarget(int directory, const std::string& name) {
  std::string target(4096, '\0');
  const ssize_t size = readlinkat(directory, name.c_str(), target.data(), target.size());
  target.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return target;
}

bool SameTime(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

}  // namespace

SplitPath Split(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string_view::npos) return {"", std::string(path)};
  return {std::string(path.substr(0, slash)), std::string(path.substr(slash + 1))};
}

UniqueFd OpenDirectory(const std::string& absolute_path) {
  return UniqueFd(open(absolute_path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

UniqueFd OpenBelow(int root, const std::string& relative) {
  struct open_how how = {};
  how.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  const std::string path = relative.empty() ? "." : relative;
  for (;;) {
    const long fd = syscall(SYS_openat2, root, path.c_str(), &how, sizeof how);
    // EAGAIN: a rename elsewhere raced with the check that the path stays below the root.
    if (fd >= 0 || errno != EAGAIN) return UniqueFd(static_cast<int>(fd));
  }
}

std::vector<std::string> ListDirectory(int directory) {
  std::vector<std::string> names;
  // A descriptor of its own: readdir moves the position that dup would share.
  const int own = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(own < 0 ? nullptr : fdopendir(own), closedir);
  if (!stream) return names;
  while (const dirent* entry = readdir(stream.get())) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

mode_t TypeOf(int directory, const std::string& name) {
  struct stat status;
  if (fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return 0;
  return status.st_mode & S_IFMT;
}

bool RemoveTree(int directory, const std::string& name) {
  if (unlinkat(directory, name.c_str(), 0) == 0) return true;
  if (TypeOf(directory, name) == S_IFDIR) {
    const UniqueFd inner(
        openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (inner) {
      for (const std::string& entry : ListDirectory(inner.get())) RemoveTree(inner.get(), entry);
    }
    unlinkat(directory, name.c_str(), AT_REMOVEDIR);
  }
  return TypeOf(directory, name) == 0;
}

// Through /proc/self/fd: there is no lgetxattrat in kernels as old as we support.
std::map<std::string, std::string> ReadXattrs(int directory, const std::string& name) {
  std::map<std::string, std::string> xattrs;
  const std::string path = "/proc/self/fd/" + std::to_string(directory) + "/" + name;
  char names[4096];
  const ssize_t size = llistxattr(path.c_str(), names, sizeof names);
  std::string value(4096, '\0');
  for (ssize_t at = 0; at < size;) {
    const std::string key = names + at;
    at += static_cast<ssize_t>(key.size()) + 1;
    const ssize_t length = lgetxattr(path.c_str(), key.c_str(), value.data(), value.size());
    if (length >= 0) xattrs[key] = value.substr(0, static_cast<std::size_t>(length));
  }
  return xattrs;
}

bool ReadObject(int directory, const std::string& name, Object* object) {
  *object = {};
  if (fstatat(directory, name.c_str(), &object->status, AT_SYMLINK_NOFOLLOW) != 0) return false;
  if (S_ISREG(object->status.st_mode)) {
    const UniqueFd fd(
        openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    // The status of what was opened, not of what had the name a moment ago.
    if (!fd || fstat(fd.get(), &object->status) != 0) return false;
    if (!S_ISREG(object->status.st_mode)) return false;
    object->content = ReadContent(fd.get());
  } else if (S_ISLNK(object->status.st_mode)) {
    object->target = ReadTarget(directory, name);
  }
  object->xattrs = ReadXattrs(directory, name);
  return true;
}

std::vector<std::string> Differences(const Object& a, const Object& b) {
  const mode_t type = a.status.st_mode & S_IFMT;
  if (type != (b.status.st_mode & S_IFMT)) return {"type"};
  std::vector<std::string> found;
  const bool has_mode = type != S_IFLNK;
  const bool has_time = type == S_IFREG || type == S_IFDIR;
  const bool has_device = type == S_IFCHR || type == S_IFBLK;
  if (a.content != b.content) found.emplace_back("content");
  if (a.target != b.target) found.emplace_back("target");
  if (has_mode && a.status.st_mode != b.status.st_mode) found.emplace_back("mode");
  if (a.status.st_uid != b.status.st_uid || a.status.st_gid != b.status.st_gid) {
    found.emplace_back("owner");
  }
  if (has_time && !SameTime(a.status.st_mtim, b.status.st_mtim)) found.emplace_back("mtime");
  if (has_device && a.status.st_rdev != b.status.st_rdev) found.emplace_back("device");
  if (a.xattrs != b.xattrs) found.emplace_back("xattrs");
  return found;
}

TimesGuard::TimesGuard(int directory) : directory_(directory) { fstat(directory, &status_); }

TimesGuard::~TimesGuard() {
  const timespec times[2] = {{0, UTIME_OMIT}, status_.st_mtim};
  futimens(directory_, times);
}

}  // namespace cj::oracle
