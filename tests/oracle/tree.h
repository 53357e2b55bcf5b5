// Looking at and changing trees whose owners change them meanwhile: no symlink is ever followed, so
// that a directory that turns into a symlink between two calls leads nobody out of the tree.
// Relative paths have no leading slash; "" is the root itself. Any thread.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.h"

namespace cj::oracle {

// Directory of `path` and its last component: ("a/b", "c") for "a/b/c", ("", "a") for "a".
struct SplitPath {
  std::string directory;
  std::string name;
};
SplitPath Split(std::string_view path);

UniqueFd OpenDirectory(const std::string& absolute_path);
// The directory `relative` below `root`; invalid when it is not there or a symlink is on the way.
UniqueFd OpenBelow(int root, const std::string& relative);
// Names in a directory but "." and "..", sorted. The descriptor stays open.
std::vector<std::string> ListDirectory(int directory);

// What kind of thing it is, as the S_IFMT bits; 0 when `name` is not there.
mode_t TypeOf(int directory, const std::string& name);
// Removes `name`, and everything below it. False when something is still there.
bool RemoveTree(int directory, const std::string& name);

// Everything about one object that a mirror must carry over.
struct Object {
  struct stat status = {};
  std::string content;  // of a regular file
  std::string target;   // of a symlink
  std::map<std::string, std::string> xattrs;
};
// Reads `name` in `directory`; the root itself for name ".". False when it went away meanwhile.
bool ReadObject(int directory, const std::string& name, Object* object);

// Extended attributes of `name`, not following a symlink.
std::map<std::string, std::string> ReadXattrs(int directory, const std::string& name);

// The properties in which the two differ: "type", "content", "mode", "owner", "mtime", "xattrs",
// "target", "device". Empty: equal. Hard links are not looked at.
std::vector<std::string> Differences(const Object& a, const Object& b);

// Puts a directory's times back when it goes out of scope: a mirror that replaces a file changes
// the directory's mtime, which nobody asked it to do.
class TimesGuard {
 public:
  explicit TimesGuard(int directory);
  TimesGuard(const TimesGuard&) = delete;
  TimesGuard& operator=(const TimesGuard&) = delete;
  ~TimesGuard();

 private:
  int directory_;
  struct stat status_ = {};
};

// Identity of an inode while it lives.
struct InodeId {
  dev_t device = 0;
  ino_t inode = 0;
  friend auto operator<=>(const InodeId&, const InodeId&) = default;
};
inline InodeId IdOf(const struct stat& status) { return {status.st_dev, status.st_ino}; }

}  // namespace cj::oracle
