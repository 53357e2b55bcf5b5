// Remembers for which files a search for their other names has been done, and with what success, so
// that a file whose other names lie outside of every watch is not searched for at every question.
// A later name can only come by a link or a rename, which the journal records, or show in the
// count; but not by what happened in a gap. Any thread.
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

  struct Outcome {
    std::uint64_t link_count = 0;  // how many names the file has
    std::uint64_t found = 0;       // how many of them are known
    std::uint64_t gaps = 0;        // a fingerprint of the volume's gaps, before the search
  };

  // True when a search that no gap has outdated since found as many names (or more) while the file
  // had as many (or more).
  bool Searched(VolumeId volume, const FileHandle& object, const Outcome& now) const
      EXCLUDES(mutex_);
  void Note(VolumeId volume, const FileHandle& object, const Outcome& outcome) EXCLUDES(mutex_);

 private:
  static std::string Key(VolumeId volume, const FileHandle& object);

  mutable Mutex mutex_;
  std::unordered_map<std::string, Outcome> outcomes_ GUARDED_BY(mutex_);
};

}  // namespace cj
