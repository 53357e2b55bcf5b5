#include "tests/oracle/objects.h"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace cj::oracle {
namespace {

void WriteFile(int directory, const std::string& name, const std::string& content) {
  const UniqueFd fd(openat(directory, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  std::size_t done = 0;
  while (fd && done < content.size()) {
    const ssize_t put = write(fd.get(), content.data() + done, content.size() - done);
    if (put <= 0) return;
    done += static_cast<std::size_t>(put);
  }
}

}  // namespace

void MakeObject(int directory, const std::string& name, const Object& wanted) {
  const mode_t type = wanted.status.st_mode & S_IFMT;
  if (type == S_IFREG) {
    WriteFile(directory, name, wanted.content);
  } else if (type == S_IFLNK) {
    symlinkat(wanted.target.c_str(), directory, name.c_str());
  } else {
    mknodat(directory, name.c_str(), type | 0600, wanted.status.st_rdev);
  }
  CopyAttributes(directory, name, wanted);
}

// mtime last: everything else may move it.
void CopyAttributes(int directory, const std::string& name, const Object& wanted) {
  const char* file = name.c_str();
  const struct stat& status = wanted.status;
  fchownat(directory, file, status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW);
  if (!S_ISLNK(status.st_mode)) fchmodat(directory, file, status.st_mode & 07777, 0);

  const std::string path = "/proc/self/fd/" + std::to_string(directory) + "/" + name;
  for (const auto& [key, value] : ReadXattrs(directory, name)) {
    if (!wanted.xattrs.contains(key)) lremovexattr(path.c_str(), key.c_str());
  }
  for (const auto& [key, value] : wanted.xattrs) {
    lsetxattr(path.c_str(), key.c_str(), value.data(), value.size(), 0);
  }
  const timespec times[2] = {{0, UTIME_OMIT}, status.st_mtim};
  utimensat(directory, file, times, AT_SYMLINK_NOFOLLOW);
}

}  // namespace cj::oracle
