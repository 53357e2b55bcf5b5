#include "checkpoint/dedupe.h"

#include <algorithm>

#include "base/bytes.h"

namespace cj {
namespace {

constexpr std::uint64_t kClassMask = 0xff;
constexpr std::size_t kScratchBytes = 1024;  // a key's longest form has about 550

void AppendHandle(ByteWriter* writer, HandleView handle) {
  writer->Byte(static_cast<std::uint8_t>(handle.type));
  writer->String(handle.bytes);
}

}  // namespace

DedupeTable::DedupeTable(const HashKey& key) : key_(key), sets_(kSets) {
  scratch_.reserve(kScratchBytes);
}

// Every part has a fixed length or its length before it: no two keys have the same bytes.
Hash128 DedupeTable::HashOf(const DedupeKey& key) {
  scratch_.clear();
  ByteWriter writer(&scratch_);
  writer.Fixed64(key.period.value);
  writer.Fixed32(key.volume.value);
  AppendHandle(&writer, key.object);
  AppendHandle(&writer, key.parent);
  writer.String(key.name);
  return KeyedHash(key_, scratch_);
}

DedupeTable::Entry* DedupeTable::Find(const Hash128& hash) {
  Set& set = sets_[hash.low % kSets];
  auto found = std::find_if(set.begin(), set.end(), [&](const Entry& entry) {
    return entry.head == hash.low && ((entry.tail ^ hash.high) & ~kClassMask) == 0 &&
           (entry.tail & kClassMask) != 0;
  });
  return found == set.end() ? nullptr : &*found;
}

bool DedupeTable::SeenOrAdd(const DedupeKey& key, std::uint8_t classes) {
  const Hash128 hash = HashOf(key);
  if (Entry* entry = Find(hash); entry != nullptr) {
    const bool seen = (entry->tail & classes) == classes;
    entry->tail |= classes;
    return seen;
  }
  // The newest entry is first; the oldest of the set is forgotten.
  Set& set = sets_[hash.low % kSets];
  std::move_backward(set.begin(), set.end() - 1, set.end());
  set.front() = {hash.low, (hash.high & ~kClassMask) | classes};
  return false;
}

bool DedupeTable::Knows(const DedupeKey& key, std::uint8_t classes) {
  const Entry* entry = Find(HashOf(key));
  return entry != nullptr && (entry->tail & classes) == classes;
}

void DedupeTable::Clear() { std::fill(sets_.begin(), sets_.end(), Set()); }

void DedupeTable::Forget(const DedupeKey& key) {
  if (Entry* entry = Find(HashOf(key)); entry != nullptr) *entry = {};
}

}  // namespace cj
