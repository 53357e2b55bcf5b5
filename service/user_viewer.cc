#include "service/user_viewer.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "fanotify/handles.h"

namespace cj {
namespace {

// setgroups(3) of the C library is for all threads of the process; the system call is not.
bool SetThreadGroups(const std::vector<gid_t>& groups) {
#ifdef SYS_setgroups32
  constexpr long kSetGroups = SYS_setgroups32;  // where the older one has ids of 16 bits
#else
  constexpr long kSetGroups = SYS_setgroups;
#endif
  return ::syscall(kSetGroups, groups.size(), groups.data()) == 0;
}

std::vector<gid_t> ThreadGroups() {
  std::vector<gid_t> groups(static_cast<std::size_t>(std::max(0, ::getgroups(0, nullptr))));
  const int count = ::getgroups(static_cast<int>(groups.size()), groups.data());
  groups.resize(static_cast<std::size_t>(std::max(0, count)));
  return groups;
}

// What setfsuid(2) returns says nothing of success; an impossible id changes nothing and tells.
uid_t FilesystemUser() { return static_cast<uid_t>(::setfsuid(static_cast<uid_t>(-1))); }
gid_t FilesystemGroup() { return static_cast<gid_t>(::setfsgid(static_cast<gid_t>(-1))); }

// Unless setfsuid(2) has put them away (not so where the process is not root's, or keeps its
// capabilities by its securebits).
bool OverridesPermissions() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3]{};
  if (::syscall(SYS_capget, &header, data) != 0) return true;
  constexpr std::uint32_t kOverrides = (1U << CAP_DAC_OVERRIDE) | (1U << CAP_DAC_READ_SEARCH);
  return (data[0].effective & kOverrides) != 0;
}

// While it lives this thread is the user, as far as files are concerned.
class ActingAs {
 public:
  explicit ActingAs(const Peer& user) : groups_(ThreadGroups()) {
    others_groups_ = SetThreadGroups(user.groups);
    if (!others_groups_) return;
    ::setfsgid(user.gid);
    ::setfsuid(user.uid);
    ok_ = FilesystemGroup() == user.gid && FilesystemUser() == user.uid && !OverridesPermissions();
  }
  ActingAs(const ActingAs&) = delete;
  ActingAs& operator=(const ActingAs&) = delete;
  ~ActingAs() {
    const int error = errno;
    ::setfsuid(::geteuid());
    ::setfsgid(::getegid());
    CJ_CHECK(FilesystemUser() == ::geteuid() && FilesystemGroup() == ::getegid(),
             "a thread stays somebody else");
    if (others_groups_) {
      CJ_CHECK(SetThreadGroups(groups_), "a thread keeps somebody else's groups");
    }
    errno = error;
  }
  bool ok() const { return ok_; }

 private:
  std::vector<gid_t> groups_;
  bool others_groups_ = false;
  bool ok_ = false;
};

// Paths of the journal lead through no symbolic link. Where the system call is refused (some
// containers) links are followed: then what is listed is still the user's to list.
UniqueFd OpenWithoutLinks(const std::string& path, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_NO_SYMLINKS;
  UniqueFd fd(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how)));
  if (fd.valid() || (errno != ENOSYS && errno != EPERM)) return fd;
  return UniqueFd(::open(path.c_str(), flags | O_CLOEXEC));
}

}  // namespace

Result<std::shared_ptr<UserViewer>> UserViewer::Create(const Peer& user) {
  // As root, or without an identity, it would see everything.
  const bool nobody = user.uid == 0 || user.uid == static_cast<uid_t>(-1);
  if (nobody || !ActingAs(user).ok()) {
    return Error{ErrorCode::kUnsupported,
                 "the daemon cannot find out what you may see: it lacks CAP_SETUID or CAP_SETGID, "
                 "or is not root's"};
  }
  return std::shared_ptr<UserViewer>(new UserViewer(user));
}

// "." at the end asks for search permission on the directory itself.
UniqueFd UserViewer::OpenAsUser(const std::string& directory, int flags) const {
  const std::string path = JoinPath(directory, ".");
  const ActingAs acting(user_);
  if (!acting.ok()) {
    errno = EACCES;
    return UniqueFd();
  }
  return OpenWithoutLinks(path, flags | O_DIRECTORY);
}

Viewer::Sight UserViewer::LookAnew(const std::string& directory) {
  Sight sight;
  UniqueFd fd = OpenAsUser(directory, O_RDONLY);
  if (!fd.valid()) {
    sight.missing = errno == ENOENT || errno == ENOTDIR;
    sight.searchable = !sight.missing && OpenAsUser(directory, O_PATH).valid();
    return sight;
  }
  sight.searchable = true;
  auto handle = GetHandle(fd.get(), "", AT_EMPTY_PATH);
  sight.listable = true;
  if (handle.has_value()) sight.directory = std::move(handle->handle);
  opened_ = directory;
  fd_ = std::move(fd);
  return sight;
}

Viewer::Sight UserViewer::Look(const std::string& directory) {
  const auto known = seen_.find(directory);
  if (known != seen_.end()) return known->second;
  if (seen_.size() >= kMaxRemembered) Forget();
  Sight sight = LookAnew(directory);
  seen_.emplace(directory, sight);
  return sight;
}

bool UserViewer::Shows(const std::string& path) {
  if (path == "/") return true;
  const PathParts parts = SplitPath(path);
  const std::string directory(parts.directory);
  if (!Look(directory).listable) return false;
  if (opened_ != directory || !fd_.valid()) {
    seen_[directory] = LookAnew(directory);
    if (!seen_[directory].listable) return false;
  }
  struct stat status {};
  return ::fstatat(fd_.get(), std::string(parts.name).c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0;
}

void UserViewer::Forget() {
  seen_.clear();
  opened_.clear();
  fd_.reset();
}

}  // namespace cj
