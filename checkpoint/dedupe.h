// What has been recorded already in this period: drops repeats of data and metadata records. A file
// that is written a million times between two checkpoints needs one record, not a million.
//
// When a drop is safe: only when a record with the same period, volume, object, parent and name,
// and with all the classes of the new one, is stored or waits to be stored before anything that
// comes later. Then an answer that covers this period has the change already, and an answer that
// does not cover it must not have it. Hence:
//  - the period is part of the key: what was recorded in n says nothing about n+1;
//  - entry records are never dropped, and an entry record makes the table forget what it knew of
//  the
//    names it touches: a change made after a name was deleted, moved or replaced is recorded again,
//    so that no reader of the records depends on their order. (Writing a file that is so hot that
//    the kernel does not report it any more is not: hot_files.h says why nobody needs that);
//  - forgetting is always allowed: it costs a duplicate, never a loss. So the table is bounded:
//    kRows * kWays entries of 16 bytes (2 MiB), made once, nothing allocated per event.
//
// An entry is not the key itself (up to some 500 bytes) but 120 bits of a SipHash of it under a key
// drawn at random at start and told to nobody. Which row it is in another hash says, of the object
// alone. So two different keys meet with probability at most 2^-117 per lookup (eight ways); a
// million lookups per second for thirty years stay below 2^-67. And what an event makes us look up,
// the object and one or two of its names, is all in one row: memory is waited for once. An object
// with more names than a row has entries is recorded more often, no more.
//
// Not thread-safe: the writer's.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/keyed_hash.h"
#include "fanotify/file_handle.h"
#include "fanotify/volume.h"
#include "journal/ids.h"

namespace cj {

// Of whom something was recorded. Views; used only during a call.
struct DedupeKey {
  PeriodId period;
  VolumeId volume;
  HandleView object;
  HandleView parent;
  std::string_view name;
  std::int32_t process = 0;  // of this process only; 0: of any
};

class DedupeTable {
 public:
  // Bits of what was recorded.
  enum Class : std::uint8_t {
    kData = 1,
    kMetadata = 2,
    kOutside = 4,    // judged: no name of it is under a watch, no record is needed
    kSeveral = 8,    // judged: this name is not under a watch, but it has others
    kUnlinked = 16,  // deleted; of a file: and its nameless ATTRIB has not come yet (translate.cc)
    kIntended = 32,  // judged: an intent is recorded, or none is needed; of the object, nameless
    kSilently = 64,  // a silent writer: more than a change, which may be over (crawl.cc)
    kSingle = 128,   // judged: the object has one name, and no link to it was seen since; nameless
  };
  static constexpr std::uint8_t kAllClasses = 0xff;
  static constexpr std::size_t kRows = 16 * 1024;
  static constexpr std::size_t kWays = 8;

  explicit DedupeTable(const HashKey& key);

  // True when all of `classes` are known of the key. Otherwise they are known from now on.
  bool SeenOrAdd(const DedupeKey& key, std::uint8_t classes);
  // True when all of `classes` are known of the key.
  bool Knows(const DedupeKey& key, std::uint8_t classes);
  // These classes are known of the key, and no others. 0: nothing.
  void Set(const DedupeKey& key, std::uint8_t classes);
  // None of `classes` is known of the key any more.
  void Forget(const DedupeKey& key, std::uint8_t classes = kAllClasses);
  // The key's object will be asked for soon: its row is fetched from memory meanwhile.
  void Prefetch(const DedupeKey& key);
  // Nothing is known of anything.
  void Clear();

  static constexpr std::size_t MemoryBytes() { return kRows * sizeof(Row); }

 private:
  // 120 bits of hash; the low byte of `tail` holds the classes, 0 for an empty entry.
  struct Entry {
    std::uint64_t head = 0;
    std::uint64_t tail = 0;
  };
  struct alignas(kWays * sizeof(Entry)) Row {
    std::array<Entry, kWays> entries;  // the newest first
  };

  // Where a key is looked for, and what for.
  struct Place {
    Row* row = nullptr;
    Hash128 hash;
  };

  const Hash128& HashOfObject(const DedupeKey& key);
  Place PlaceOf(const DedupeKey& key);
  static Entry* Find(const Place& place);
  static void Add(const Place& place, std::uint8_t classes);

  HashKey key_;
  std::vector<Row> rows_;
  // The objects that were hashed last: an event asks for one several times, and the one after it
  // is prefetched before.
  struct Hashed {
    std::string object;
    Hash128 hash;
  };
  std::array<Hashed, 2> hashed_;
  std::size_t newest_ = 0;
  std::string scratch_;
};

}  // namespace cj
