#include "journal/tree_walk.h"

#include <dirent.h>
#include <fcntl.h>

#include <cerrno>
#include <memory>

#include "base/text.h"
#include "base/unique_fd.h"

namespace cj {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using DirectoryStream = std::unique_ptr<DIR, CloseDirectory>;

bool Vanished(int error) {
  return error == ENOENT || error == ENOTDIR || error == ELOOP ||
         error == ENAMETOOLONG;  // nobody can use such a path
}

bool IsDots(const char* name) {
  return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

}  // namespace

TreeWalk::TreeWalk(std::string root, Enter enter) : enter_(std::move(enter)) {
  if (!root.empty()) pending_.push_back(std::move(root));
}

Result<bool> TreeWalk::NextDirectory(std::vector<Member>* members) {
  if (pending_.empty()) return false;
  std::string path = std::move(pending_.back());
  pending_.pop_back();
  if (enter_ && !enter_(path)) return true;
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!fd.valid()) {
    if (Vanished(errno)) return true;
    return ErrnoError(errno, "reading directory " + path);
  }
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return ErrnoError(errno, "reading directory " + path);
  if (!began_) device_ = status.st_dev;
  began_ = true;
  if (status.st_dev != device_) return true;
  DirectoryStream stream(::fdopendir(fd.get()));
  if (stream == nullptr) return ErrnoError(errno, "reading directory " + path);
  int stream_fd = fd.release();
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    if (IsDots(entry->d_name)) continue;
    Member member;
    if (::fstatat(stream_fd, entry->d_name, &member.status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    member.path = JoinPath(path, entry->d_name);
    if (S_ISDIR(member.status.st_mode)) pending_.push_back(member.path);
    members->push_back(std::move(member));
  }
  if (errno != 0 && !Vanished(errno)) return ErrnoError(errno, "reading directory " + path);
  return true;
}

}  // namespace cj
