// The files that a scan has found, each once, with their handles and present names. Inside this
// folder only. Not thread-safe; lives for one scan, because it holds the volumes open.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <span>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "fanotify/kernel.h"

namespace cj {

class SilentFiles {
 public:
  // Opens every volume. kNotFound: one is not there, and whatever it has of them would be missed.
  static Result<SilentFiles> Of(std::span<const VolumeMount> volumes);

  // True for the device of a watched volume as /proc/PID/maps has it.
  bool WatchesSuperblock(dev_t device) const;

  enum class Outcome { kGone, kNotWatched, kAdded };
  // Looks at what `path` (relative to directory_fd, links are followed) leads to, and keeps it if
  // it is a regular file on a watched volume. kGone: it leads nowhere (any more).
  Result<Outcome> Add(int directory_fd, const char* path, std::int32_t pid);

  std::vector<SilentWriter> Take() { return std::move(writers_); }

 private:
  SilentFiles() = default;
  struct Watched {
    const VolumeMount* volume;
    UniqueFd mount_fd;
    std::unordered_set<FileHandle> found;
  };
  bool IsOn(const Watched& watched, const struct stat& info, const FileHandle& handle) const;

  std::vector<Watched> watched_;
  std::vector<SilentWriter> writers_;
};

}  // namespace cj
