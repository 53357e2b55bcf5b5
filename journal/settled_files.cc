#include "journal/settled_files.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <new>

namespace cj {
namespace {

// What one thread reads another may be writing. A look that is missed costs a look.
std::uint64_t Load(const std::uint64_t& word) {
  return std::atomic_ref(const_cast<std::uint64_t&>(word)).load(std::memory_order_relaxed);
}
void Store(std::uint64_t& word, std::uint64_t value) {
  std::atomic_ref(word).store(value, std::memory_order_relaxed);
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

// 0 where it is another file's. The period is read once: a moment later it may be another's.
std::uint64_t SettledFiles::OpenOf(const Look& look, const Key& key) {
  const std::uint64_t open = Load(look.open);
  const bool same = (Load(look.low) ^ open) == key.low && (Load(look.high) ^ open) == key.high;
  return same ? open : 0;
}

void SettledFiles::Add(const Key& key, PeriodId open) {
  Look* replaced = nullptr;
  for (Look& look : SetOf(key).looks) {
    if (replaced == nullptr || Load(look.open) < Load(replaced->open)) replaced = &look;
    if (OpenOf(look, key) == 0) continue;
    replaced = &look;
    break;
  }
  Store(replaced->low, key.low ^ open.value);
  Store(replaced->high, key.high ^ open.value);
  Store(replaced->open, open.value);
}

bool SettledFiles::IsSettledSince(const Key& key, PeriodId from) const {
  const auto& looks = SetOf(key).looks;
  return std::any_of(std::begin(looks), std::end(looks),
                     [&](const Look& look) { return OpenOf(look, key) > from.value; });
}

void SettledFiles::Prefetch(const Key& key) const { __builtin_prefetch(&SetOf(key)); }

}  // namespace cj
