// Mode, owner, times and extended attributes, of files, directories and symlinks.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/oracle/writer.h"

namespace cj::oracle {
namespace {

std::string Anything(Writer& writer) {
  return writer.random.Percent(25) ? writer.Directory() : writer.File();
}

bool ChangeMode(Writer& writer) {
  const std::string path = Anything(writer);
  struct stat status;
  if (lstat(path.c_str(), &status) != 0 || S_ISLNK(status.st_mode)) return false;
  const auto mode = static_cast<mode_t>(writer.random.Below(010000));
  return writer.Log("chmod", chmod(path.c_str(), mode), path);
}

bool ChangeOwner(Writer& writer) {
  const std::string path = Anything(writer);
  const auto user = static_cast<uid_t>(1000 + writer.random.Below(5));
  const auto group = static_cast<gid_t>(1000 + writer.random.Below(5));
  return writer.Log("chown", lchown(path.c_str(), user, group), path);
}

bool ChangeTimes(Writer& writer) {
  const std::string path = Anything(writer);
  const timespec moment = {static_cast<time_t>(1'000'000'000 + writer.random.Below(1000)),
                           static_cast<long>(writer.random.Below(1000))};
  const timespec times[2] = {moment, moment};
  return writer.Log("utimens", utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW), path);
}

// trusted.*: what root may set on every filesystem of ours, tmpfs included.
std::string Key(Writer& writer) { return "trusted.k" + std::to_string(writer.random.Below(3)); }

bool HasXattrs(const std::string& path) {
  struct stat status;
  return lstat(path.c_str(), &status) == 0 && (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode));
}

bool SetXattr(Writer& writer) {
  const std::string path = Anything(writer);
  if (!HasXattrs(path)) return false;
  const std::string value = writer.random.Bytes(writer.random.Below(50));
  const int result = lsetxattr(path.c_str(), Key(writer).c_str(), value.data(), value.size(), 0);
  return writer.Log("setxattr", result, path);
}

bool RemoveXattr(Writer& writer) {
  const std::string path = Anything(writer);
  if (!HasXattrs(path)) return false;
  return writer.Log("removexattr", lremovexattr(path.c_str(), Key(writer).c_str()), path);
}

constexpr OperationKind kOperations[] = {
    {"chmod", 25, ChangeMode},  {"chown", 20, ChangeOwner},       {"utimens", 25, ChangeTimes},
    {"setxattr", 20, SetXattr}, {"removexattr", 15, RemoveXattr},
};

}  // namespace

std::span<const OperationKind> AttributeOperations() { return kOperations; }

}  // namespace cj::oracle
