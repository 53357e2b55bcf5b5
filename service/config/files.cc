#include "service/config/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <array>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <string_view>

#include "base/unique_fd.h"

namespace cj {
namespace {

constexpr std::string_view kMainName = "changejournal.conf";
constexpr std::string_view kSuffix = ".conf";

// /dev/null has had this number since the beginning (Documentation/admin-guide/devices.txt).
bool IsDevNull(const struct stat& status) {
  return S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3);
}

Result<std::string> ReadAll(int fd, const std::string& path) {
  std::string text;
  std::array<char, 65536> buffer{};
  for (;;) {
    ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoError(errno, "cannot read " + path);
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > kMaxConfigFileBytes) {
      return Error{ErrorCode::kLimit, path + " is larger than 1 MiB; split it or make it smaller"};
    }
  }
}

// The file's text; empty for one that masks.
Result<std::string> ReadOne(const std::string& path) {
  // O_NONBLOCK: a FIFO must not hold up the start.
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) return ErrnoError(errno, "cannot read " + path);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return ErrnoError(errno, "cannot stat " + path);
  if (IsDevNull(status)) return std::string();
  if (!S_ISREG(status.st_mode)) {
    return Error{ErrorCode::kInvalidArgument,
                 path + " is not a regular file; remove it, or put a file in its place"};
  }
  return ReadAll(fd.get(), path);
}

bool IsDropInName(std::string_view name) {
  return name.size() > kSuffix.size() && name.front() != '.' &&
         name.substr(name.size() - kSuffix.size()) == kSuffix;
}

// Adds the drop-ins of one directory, keyed by file name; what is there already masks them.
Status ListDropIns(const std::string& directory, std::map<std::string, std::string>* found) {
  std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), &::closedir);
  if (!stream) {
    if (errno == ENOENT || errno == ENOTDIR) return {};
    return ErrnoError(errno, "cannot list " + directory);
  }
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr && errno != 0) return ErrnoError(errno, "cannot list " + directory);
    if (entry == nullptr) return {};
    std::string name(static_cast<const char*>(entry->d_name));
    if (!IsDropInName(name)) continue;
    if (found->size() == kMaxConfigFiles) {
      return Error{ErrorCode::kLimit, directory + ": more than " + std::to_string(kMaxConfigFiles) +
                                          " drop-ins; join some of them"};
    }
    found->emplace(name, directory + "/" + name);
  }
}

Status ReadDropIns(const std::vector<std::string>& directories,
                   std::vector<ConfigFragment>* fragments) {
  std::map<std::string, std::string> found;
  for (const std::string& directory : directories) {
    CJ_RETURN_IF_ERROR(ListDropIns(directory, &found));
  }
  for (const auto& [name, path] : found) {
    CJ_ASSIGN_OR_RETURN(std::string text, ReadOne(path));
    if (!text.empty()) fragments->push_back({path, std::move(text)});
  }
  return {};
}

// Present in whatever form: a dangling symlink is a mistake to be told, not a missing file.
bool Exists(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

}  // namespace

std::vector<std::string> ConfigDirectories(const std::string& root) {
  return {root + "/etc/changejournal", root + "/run/changejournal",
          root + "/usr/local/lib/changejournal", root + "/usr/lib/changejournal"};
}

Result<std::vector<ConfigFragment>> ReadConfigFiles(const std::vector<std::string>& directories) {
  std::vector<ConfigFragment> fragments;
  std::vector<std::string> drop_in_directories;
  bool main_found = false;
  for (const std::string& directory : directories) {
    const std::string path = directory + "/" + std::string(kMainName);
    drop_in_directories.push_back(path + ".d");
    if (main_found || !Exists(path)) continue;
    main_found = true;
    CJ_ASSIGN_OR_RETURN(std::string text, ReadOne(path));
    if (!text.empty()) fragments.push_back({path, std::move(text)});
  }
  CJ_RETURN_IF_ERROR(ReadDropIns(drop_in_directories, &fragments));
  return fragments;
}

Result<std::vector<ConfigFragment>> ReadConfigFile(const std::string& file) {
  std::vector<ConfigFragment> fragments;
  CJ_ASSIGN_OR_RETURN(std::string text, ReadOne(file));
  if (!text.empty()) fragments.push_back({file, std::move(text)});
  CJ_RETURN_IF_ERROR(ReadDropIns({file + ".d"}, &fragments));
  return fragments;
}

ParsedConfig LoadConfig(const std::string& file) {
  auto fragments = file.empty() ? ReadConfigFiles(ConfigDirectories()) : ReadConfigFile(file);
  if (!fragments) {
    ParsedConfig failed;
    failed.errors.push_back({"configuration", 0, fragments.error().message});
    return failed;
  }
  return ParseConfig(*fragments);
}

}  // namespace cj
