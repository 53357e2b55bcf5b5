#include "checkpoint/dedupe.h"

#include <algorithm>

#include "base/bytes.h"

namespace cj {
namespace {

constexpr std::uint64_t kClassMask = DedupeTable::kAllClasses;
constexpr std::size_t kScratchBytes = 1024;  // a key's longest form has about 550

void AppendHandle(ByteWriter* writer, HandleView handle) {
  writer->Byte(static_cast<std::uint8_t>(handle.type));
  writer->String(handle.bytes);
}

}  // namespace

DedupeTable::DedupeTable(const HashKey& key) : key_(key), rows_(kRows) {
  scratch_.reserve(kScratchBytes);
  for (Hashed& hashed : hashed_) {
    hashed.object.reserve(kScratchBytes);
    hashed.hash = KeyedHash(key_, hashed.object);
  }
}

// Every part has a fixed length or its length before it: no two keys have the same bytes.
const Hash128& DedupeTable::HashOfObject(const DedupeKey& key) {
  scratch_.clear();
  ByteWriter writer(&scratch_);
  writer.Fixed64(key.period.value);
  writer.Fixed32(key.volume.value);
  AppendHandle(&writer, key.object);
  for (const Hashed& hashed : hashed_) {
    if (scratch_ == hashed.object) return hashed.hash;
  }
  newest_ = 1 - newest_;
  hashed_[newest_].object = scratch_;
  hashed_[newest_].hash = KeyedHash(key_, scratch_);
  return hashed_[newest_].hash;
}

void DedupeTable::Prefetch(const DedupeKey& key) {
  const Row* row = &rows_[HashOfObject(key).low % kRows];
  __builtin_prefetch(row);
  __builtin_prefetch(&row->entries[kWays / 2]);  // of two cache lines
}

DedupeTable::Place DedupeTable::PlaceOf(const DedupeKey& key) {
  const Hash128& object = HashOfObject(key);
  scratch_.clear();
  ByteWriter writer(&scratch_);
  writer.Fixed64(object.low);
  writer.Fixed64(object.high);
  AppendHandle(&writer, key.parent);
  writer.String(key.name);
  if (key.process != 0) writer.Fixed32(static_cast<std::uint32_t>(key.process));
  return {&rows_[object.low % kRows], KeyedHash(key_, scratch_)};
}

DedupeTable::Entry* DedupeTable::Find(const Place& place) {
  auto& entries = place.row->entries;
  auto found = std::find_if(entries.begin(), entries.end(), [&](const Entry& entry) {
    return entry.head == place.hash.low && ((entry.tail ^ place.hash.high) & ~kClassMask) == 0 &&
           (entry.tail & kClassMask) != 0;
  });
  return found == entries.end() ? nullptr : &*found;
}

// The oldest of the row is forgotten.
void DedupeTable::Add(const Place& place, std::uint8_t classes) {
  auto& entries = place.row->entries;
  std::move_backward(entries.begin(), entries.end() - 1, entries.end());
  entries.front() = {place.hash.low, (place.hash.high & ~kClassMask) | classes};
}

bool DedupeTable::SeenOrAdd(const DedupeKey& key, std::uint8_t classes) {
  const Place place = PlaceOf(key);
  if (Entry* entry = Find(place); entry != nullptr) {
    const bool seen = (entry->tail & classes) == classes;
    entry->tail |= classes;
    return seen;
  }
  Add(place, classes);
  return false;
}

bool DedupeTable::Knows(const DedupeKey& key, std::uint8_t classes) {
  const Entry* entry = Find(PlaceOf(key));
  return entry != nullptr && (entry->tail & classes) == classes;
}

void DedupeTable::Clear() { std::fill(rows_.begin(), rows_.end(), Row()); }

void DedupeTable::Set(const DedupeKey& key, std::uint8_t classes) {
  const Place place = PlaceOf(key);
  if (Entry* entry = Find(place); entry != nullptr) {
    entry->tail = (entry->tail & ~kClassMask) | classes;
  } else if (classes != 0) {
    Add(place, classes);
  }
}

void DedupeTable::Forget(const DedupeKey& key, std::uint8_t classes) {
  if (Entry* entry = Find(PlaceOf(key)); entry != nullptr) {
    entry->tail &= ~std::uint64_t{classes};  // without any class it is empty
  }
}

}  // namespace cj
