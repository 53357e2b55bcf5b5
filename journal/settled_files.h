// Remembers of which changed files a list of paths has nothing more to tell than the name that it
// has told: somebody has looked, and the file had this one name, or none at all. Several clients
// that ask for what is new are told much the same, and most of what a list costs is such looks.
//
// A look serves every interval that had begun before it. A name that the file had then would have
// been seen; one that it lost before, or gets later, has a record of its own, in this interval or
// behind it. What a look saw before the interval began says nothing: a name that came in between
// has its record in front of the interval.
//
// Any thread, without locks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/keyed_hash.h"
#include "fanotify/volume.h"
#include "journal/ids.h"

namespace cj {

class SettledFiles {
 public:
  // In 4 MiB, of which the kernel gives what is written to. Beyond, old looks are forgotten.
  static constexpr std::size_t kMaxFiles = 128 * 1024;

  struct File {
    VolumeId volume;
    std::string_view directory;  // FileHandle::encoded
    std::string_view name;       // in that directory
    std::string_view object;     // FileHandle::encoded
  };
  // As good as the file itself: 128 bits of a hash that nobody can aim at.
  using Key = Hash128;
  static Key KeyOf(const File& file);

  SettledFiles();

  // Somebody has looked into this very directory, or found that nothing has the file's handle any
  // more, and began to when this was the open period, or later.
  void Add(const Key& key, PeriodId open);
  // Whether that was in a later period than this one, which is not 0: 0 is what there is for a file
  // that nobody has looked at.
  bool IsSettledSince(const Key& key, PeriodId from) const;
  // Soon somebody will ask for it.
  void Prefetch(const Key& key) const;

  // Both halves of the key are kept combined with the period, so that half of one look and half of
  // another, written at the same time, are no look. All zeros: none.
  struct Look {
    std::uint64_t low;
    std::uint64_t high;
    std::uint64_t open;
    friend bool operator==(const Look&, const Look&) = default;
  };
  static Look LookAt(const Key& key, PeriodId open);
  // 0 where it is another file's.
  static PeriodId OpenOf(const Look& look, const Key& key);

 private:
  // Where a key may be, on one line of the cache; the older one gives way.
  static constexpr std::size_t kLooksOfSet = 2;
  struct Set {
    Look looks[kLooksOfSet];
    std::uint64_t unused[2];
  };
  static_assert(sizeof(Set) == 64);
  static constexpr std::size_t kSets = kMaxFiles / kLooksOfSet;
  struct Free {
    void operator()(void* memory) const;
  };

  Set& SetOf(const Key& key) const { return sets_[key.low % kSets]; }

  std::unique_ptr<void, Free> memory_;
  Set* sets_;
};

}  // namespace cj
