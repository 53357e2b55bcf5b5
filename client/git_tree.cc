#include "client/git_tree.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <fstream>
#include <memory>
#include <utility>
#include <vector>

#include "base/text.h"

namespace cj::client {
namespace {

// The mount point in a line of mountinfo, where blanks and the like are written as \040.
std::string MountPointOf(const std::string& line) {
  constexpr int kFieldsBefore = 4;
  std::size_t at = 0;
  for (int field = 0; field < kFieldsBefore && at != std::string::npos; ++field) {
    at = line.find(' ', at == 0 ? 0 : at);
    if (at != std::string::npos) ++at;
  }
  if (at == std::string::npos) return "";
  std::string path;
  for (; at < line.size() && line[at] != ' '; ++at) {
    if (line[at] == '\\' && at + 3 < line.size()) {
      path += static_cast<char>((line[at + 1] - '0') * 64 + (line[at + 2] - '0') * 8 +
                                (line[at + 3] - '0'));
      at += 3;
    } else {
      path += line[at];
    }
  }
  return path;
}

std::string Below(const std::string& below, const std::string& name) {
  return below.empty() ? name : below + "/" + name;
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

Directory Open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR* stream = fd < 0 ? nullptr : ::fdopendir(fd);
  if (fd >= 0 && stream == nullptr) ::close(fd);
  return Directory(stream);
}

bool IsDirectory(DIR* parent, const dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_DIR;
  struct stat status {};
  return ::fstatat(::dirfd(parent), entry.d_name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
         S_ISDIR(status.st_mode);
}

// The directories in one directory, but for those of repositories.
std::vector<std::string> DirectoriesIn(const std::string& path) {
  std::vector<std::string> found;
  const Directory directory = Open(path);
  if (!directory) return found;
  while (const dirent* entry = ::readdir(directory.get())) {
    const std::string name = entry->d_name;
    if (name == "." || name == ".." || name == ".git") continue;
    if (IsDirectory(directory.get(), *entry)) found.push_back(name);
  }
  return found;
}

}  // namespace

std::optional<GitTree> CurrentGitTree() {
  std::array<char, PATH_MAX> buffer{};
  struct stat status {};
  if (::getcwd(buffer.data(), buffer.size()) == nullptr || buffer[0] != '/' ||
      ::stat(".", &status) != 0) {
    return std::nullopt;
  }
  const std::string top = buffer.data();
  return GitTree{top, PlaceOf(top, status.st_dev, status.st_ino)};
}

bool HasMounts(const std::string& top) {
  std::ifstream mounts("/proc/self/mountinfo");
  bool any = false;
  for (std::string line; std::getline(mounts, line);) {
    any = true;
    if (PathIsBelow(top, MountPointOf(line))) return true;
  }
  return !any;
}

void AddDirectories(const std::string& top, const std::string& below, GitNames* names) {
  std::vector<std::string> pending = {below};
  while (!pending.empty() && !names->everything()) {
    const std::string current = std::move(pending.back());
    pending.pop_back();
    names->AddDirectory(current);
    for (const std::string& name : DirectoriesIn(current.empty() ? top : JoinPath(top, current))) {
      if (GitMayRefuse(name)) return names->GiveUp();
      pending.push_back(Below(current, name));
    }
  }
}

void AddTrees(const std::string& top, GitNames* names) {
  const std::set<std::string>& trees = names->trees();
  // Some other one holds it; what is below both is looked at once.
  auto is_below_another = [&](const std::string& below) {
    for (std::size_t end = below.find('/'); end != std::string::npos;
         end = below.find('/', end + 1)) {
      if (trees.count(below.substr(0, end)) != 0) return true;
    }
    return false;
  };
  for (const std::string& below : trees) {
    if (!is_below_another(below)) AddDirectories(top, below, names);
  }
}

void AddForbidden(const std::string& top, GitNames* names) {
  for (const std::string& below : names->touched()) {
    const std::string path = below.empty() ? top : JoinPath(top, below);
    if (::faccessat(AT_FDCWD, path.c_str(), R_OK | X_OK, AT_EACCESS) != 0) {
      if (below.empty()) return names->GiveUp();
      names->AddTree(below);
    }
  }
}

}  // namespace cj::client
