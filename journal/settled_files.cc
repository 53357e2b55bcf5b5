#include "journal/settled_files.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <new>

namespace cj {
namespace {

// What one thread reads another may be writing: each word is one of the two, and a mixture is
// none's.
SettledFiles::Look Load(SettledFiles::Look& look) {
  auto load = [](std::uint64_t& word) {
    return std::atomic_ref(word).load(std::memory_order_relaxed);
  };
  return {load(look.low), load(look.high), load(look.open)};
}

void Store(const SettledFiles::Look& from, SettledFiles::Look* to) {
  auto store = [](std::uint64_t value, std::uint64_t& word) {
    std::atomic_ref(word).store(value, std::memory_order_relaxed);
  };
  store(from.low, to->low);
  store(from.high, to->high);
  store(from.open, to->open);
}

}  // namespace

void SettledFiles::Free::operator()(void* memory) const { std::free(memory); }

// Zeros that nobody has written yet take no memory.
SettledFiles::SettledFiles() : memory_(std::calloc(kSets + 1, sizeof(Set))) {
  void* begin = memory_.get();
  std::size_t size = (kSets + 1) * sizeof(Set);
  if (begin == nullptr) throw std::bad_alloc();
  sets_ = static_cast<Set*>(std::align(sizeof(Set), kSets * sizeof(Set), begin, size));
}

// Each part but the last with its length, so that no two files are the same bytes. What is longer
// than anything that exists is cut, in all the same way.
SettledFiles::Key SettledFiles::KeyOf(const File& file) {
  char bytes[1024];
  std::size_t size = 0;
  auto append = [&](const void* part, std::size_t length) {
    length = std::min(length, sizeof(bytes) - size);
    std::memcpy(bytes + size, part, length);
    size += length;
  };
  append(&file.volume.value, sizeof(file.volume.value));
  for (const std::string_view handle : {file.directory, file.object}) {
    const auto length = static_cast<std::uint16_t>(handle.size());
    append(&length, sizeof(length));
    append(handle.data(), handle.size());
  }
  append(file.name.data(), file.name.size());
  return KeyedHash(ProcessHashKey(), {bytes, size});
}

SettledFiles::Look SettledFiles::LookAt(const Key& key, PeriodId open) {
  return {key.low ^ open.value, key.high ^ open.value, open.value};
}

PeriodId SettledFiles::OpenOf(const Look& look, const Key& key) {
  const bool same = (look.low ^ look.open) == key.low && (look.high ^ look.open) == key.high;
  return same ? PeriodId(look.open) : PeriodId();
}

void SettledFiles::Add(const Key& key, PeriodId open) {
  Look* replaced = nullptr;
  Look oldest = {};
  for (Look& look : SetOf(key).looks) {
    const Look now = Load(look);
    if (OpenOf(now, key) >= open) return;
    const bool same = OpenOf(now, key) != PeriodId();
    if (replaced == nullptr || same || now.open < oldest.open) {
      replaced = &look;
      oldest = now;
    }
    if (same) break;
  }
  Store(LookAt(key, open), replaced);
}

bool SettledFiles::IsSettledSince(const Key& key, PeriodId from) const {
  auto& looks = SetOf(key).looks;
  return std::any_of(std::begin(looks), std::end(looks),
                     [&](Look& look) { return OpenOf(Load(look), key) > from; });
}

void SettledFiles::Prefetch(const Key& key) const { __builtin_prefetch(&SetOf(key)); }

}  // namespace cj
