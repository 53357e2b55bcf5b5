// Remembers for which files a search for their other names has been done, and with what success, so
// that a file whose other names lie outside of every watch is not searched for at every question.
//
// That holds until a name may have come that nobody would find without a search. A link, or a
// rename of a file with several names, is recorded with the name (Batch::link_names). What is not:
// a name that came with a directory, and a rename of a file that had one name at that moment. The
// event stream tells of these (Scope::NamesCame); those of a gap show in its fingerprint.
//
// Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <unordered_set>

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

  // Stands for as long as somebody searches, until the outcome is noted. `memory` may be null.
  class Search {
   public:
    explicit Search(LinkMemory* memory);
    ~Search();
    Search(const Search&) = delete;
    Search& operator=(const Search&) = delete;

    // Not kept if a name may have come while anybody searched.
    void Note(VolumeId volume, const FileHandle& object, const Outcome& outcome);

   private:
    LinkMemory* memory_;
  };

  // True when a search that nothing has outdated since found as many names (or more) while the file
  // had as many (or more).
  bool Searched(VolumeId volume, const FileHandle& object, const Outcome& now) const
      EXCLUDES(mutex_);

  // A name may have come: of this object, or of any.
  void Forget(VolumeId volume, const FileHandle& object) EXCLUDES(mutex_);
  void ForgetAll() EXCLUDES(mutex_);

 private:
  static std::string Key(VolumeId volume, const FileHandle& object);
  void Note(VolumeId volume, const FileHandle& object, const Outcome& outcome) EXCLUDES(mutex_);
  void BeginSearch() EXCLUDES(mutex_);
  void EndSearch() EXCLUDES(mutex_);

  mutable Mutex mutex_;
  // Whether there is anything to forget: asked once per rename, mostly in vain.
  std::atomic<bool> in_use_ = false;
  std::unordered_map<std::string, Outcome> outcomes_ GUARDED_BY(mutex_);
  int searches_ GUARDED_BY(mutex_) = 0;
  // Since the first of the searches under way began.
  std::unordered_set<std::string> came_ GUARDED_BY(mutex_);
  bool any_came_ GUARDED_BY(mutex_) = false;
};

}  // namespace cj
