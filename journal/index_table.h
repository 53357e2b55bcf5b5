// Numbers, found by the hash of what they stand for: the key itself is kept by whoever numbers.
// Half as large as a table with keys, and growing looks at no key. Not thread-safe.
#pragma once

#include <boost/unordered/unordered_flat_set.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/keyed_hash.h"

namespace cj {

inline constexpr std::uint32_t kNone = 0xffffffff;  // no number

// Of bytes that belong to something with a number: a name in a directory, a handle on a volume.
// With a key, because names are chosen by whoever makes files: those of one hash, by the thousand,
// would make a table as slow as a list.
inline std::uint32_t HashOf(std::uint32_t owner, std::string_view bytes) {
  static const HashKey& key = ProcessHashKey();
  const std::uint64_t hash = KeyedHash64(key, bytes) + owner * 0x9e3779b97f4a7c15ULL;
  return static_cast<std::uint32_t>(hash ^ (hash >> 32));
}

class IndexTable {
 public:
  // The number with this hash for which `is_key(number)` holds; kNone: there is none.
  template <typename IsKey>
  std::uint32_t Find(std::uint32_t hash, const IsKey& is_key) const {
    auto found = slots_.find(Wanted<IsKey>{hash, is_key});
    return found == slots_.end() ? kNone : found->index;
  }
  // Each number is added once.
  void Insert(std::uint32_t hash, std::uint32_t index) { slots_.insert({hash, index}); }

 private:
  struct Slot {
    std::uint32_t hash = 0;
    std::uint32_t index = kNone;
  };
  template <typename IsKey>
  struct Wanted {
    std::uint32_t hash = 0;
    const IsKey& is_key;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(const Slot& slot) const noexcept { return slot.hash; }
    template <typename IsKey>
    std::size_t operator()(const Wanted<IsKey>& wanted) const noexcept {
      return wanted.hash;
    }
  };
  struct Equal {
    using is_transparent = void;
    bool operator()(const Slot& a, const Slot& b) const noexcept { return a.index == b.index; }
    template <typename IsKey>
    bool operator()(const Wanted<IsKey>& wanted, const Slot& slot) const {
      return wanted.hash == slot.hash && wanted.is_key(slot.index);
    }
    template <typename IsKey>
    bool operator()(const Slot& slot, const Wanted<IsKey>& wanted) const {
      return (*this)(wanted, slot);
    }
  };

  boost::unordered_flat_set<Slot, Hash, Equal> slots_;
};

}  // namespace cj
