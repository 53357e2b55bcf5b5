// Remembers for which files a search for their other names has been done, and with what success, so
// that a file whose other names lie outside of every watch is not searched for at every question.
// A later name can only come by a link or a rename, which the journal records, or show in the
// count. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "base/thread_annotations.h"
#include "fanotify/file_handle.h"
#include "fanotify/volume.h"

namespace cj {

class LinkMemory {
 public:
  // Some 8 MiB; beyond, everything is forgotten, which costs one search.
  static constexpr std::size_t kMaxObjects = 64 * 1024;

  // True when a search has found `found` names (or more) while the file had `link_count` or more.
  bool Searched(VolumeId volume, const FileHandle& object, std::uint64_t link_count,
                std::uint64_t found) const EXCLUDES(mutex_);
  void Note(VolumeId volume, const FileHandle& object, std::uint64_t link_count,
            std::uint64_t found) EXCLUDES(mutex_);

 private:
  struct Outcome {
    std::uint64_t link_count = 0;
    std::uint64_t found = 0;
  };
  static std::string Key(VolumeId volume, const FileHandle& object);

  mutable Mutex mutex_;
  std::unordered_map<std::string, Outcome> outcomes_ GUARDED_BY(mutex_);
};

}  // namespace cj
