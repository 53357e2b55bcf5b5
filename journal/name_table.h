// Names of files, each once, with an object and a few flags, in as little memory as it takes to
// have them exactly: some 20 bytes, the name and the handle. For a million of names that nobody
// wants to know more of (answer_list.cc). Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "journal/index_table.h"

namespace cj {

class NameTable {
 public:
  // Of a name; stays valid. kNone is none.
  using Ref = std::uint32_t;

  static constexpr std::size_t kMaxName = 255;    // NAME_MAX: longer ones exist nowhere
  static constexpr std::size_t kMaxObject = 129;  // FileHandle::encoded

  struct Name {
    std::uint32_t directory = kNone;  // as its owner numbers directories
    std::string_view name;
    std::string_view object;  // FileHandle::encoded, of the record that added the name
  };

  struct Found {
    Ref ref = kNone;  // kNone: the table is full, with 4 GiB
    bool is_new = false;
  };
  // Neither part is longer than the table takes. Where the name is there already, its object stays.
  Found FindOrAdd(const Name& name);
  // kNone where the name is not there.
  Ref Find(std::uint32_t directory, std::string_view name) const;
  // What it points to stays as long as the table.
  Name Get(Ref ref) const;
  std::uint8_t flags(Ref ref) const;
  void AddFlags(Ref ref, std::uint8_t flags);
  std::size_t size() const { return size_; }

 private:
  Ref Find(std::uint32_t hash, std::uint32_t directory, std::string_view name) const;
  char* At(Ref ref) const { return chunks_[ref / kChunkBytes].get() + ref % kChunkBytes; }

  static constexpr std::uint32_t kChunkBytes = 1 << 20;

  // Where a name is in the chunks is its number.
  std::vector<std::unique_ptr<char[]>> chunks_;
  std::size_t used_ = kChunkBytes;  // of the last chunk
  IndexTable index_;
  std::size_t size_ = 0;
};

}  // namespace cj
