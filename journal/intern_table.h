// Byte strings, each once, numbered from 0 in the order in which they came. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory_resource>
#include <string_view>
#include <vector>

#include "journal/index_table.h"

namespace cj {

class InternTable {
 public:
  // Its number; `owner` is part of it.
  std::uint32_t Intern(std::uint32_t owner, std::string_view bytes) {
    const std::uint32_t hash = HashOf(owner, bytes);
    const std::uint32_t known = index_.Find(hash, [&](std::uint32_t number) {
      return entries_[number].owner == owner && entries_[number].bytes == bytes;
    });
    if (known != kNone) return known;
    const auto number = static_cast<std::uint32_t>(entries_.size());
    entries_.push_back({owner, Keep(bytes)});
    index_.Insert(hash, number);
    return number;
  }
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::uint32_t owner = 0;
    std::string_view bytes;
  };
  std::string_view Keep(std::string_view bytes) {
    if (bytes.empty()) return {};
    char* copy = static_cast<char*>(arena_.allocate(bytes.size(), 1));
    std::memcpy(copy, bytes.data(), bytes.size());
    return {copy, bytes.size()};
  }

  std::pmr::monotonic_buffer_resource arena_{1 << 16};
  std::vector<Entry> entries_;
  IndexTable index_;
};

}  // namespace cj
