#include "journal/name_table.h"

#include <cstring>

#include "base/check.h"

namespace cj {
namespace {

// An entry is a header, the object, and the name.
struct Header {
  std::uint32_t directory;
  std::uint8_t flags;
  std::uint8_t object_size;
  std::uint8_t name_size;
};
constexpr std::size_t kFlagsAt = 4;
constexpr std::size_t kHeaderBytes = 7;
// The last one is short of a whole number of chunks, so that no name has the number kNone.
constexpr std::size_t kMaxChunks = (std::size_t{1} << 32 >> 20) - 1;

Header HeaderAt(const char* at) {
  Header header;
  std::memcpy(&header, at, kHeaderBytes);
  return header;
}

}  // namespace

NameTable::Ref NameTable::Find(std::uint32_t directory, std::string_view name) const {
  return Find(HashOf(directory, name), directory, name);
}

NameTable::Ref NameTable::Find(std::uint32_t hash, std::uint32_t directory,
                               std::string_view name) const {
  return index_.Find(hash, [&](Ref ref) {
    const char* at = At(ref);
    const Header header = HeaderAt(at);
    return header.directory == directory && header.name_size == name.size() &&
           std::memcmp(at + kHeaderBytes + header.object_size, name.data(), name.size()) == 0;
  });
}

NameTable::Found NameTable::FindOrAdd(const Name& name) {
  CJ_CHECK(name.name.size() <= kMaxName && name.object.size() <= kMaxObject,
           "a name or a handle that is too long for the table");
  const std::uint32_t hash = HashOf(name.directory, name.name);
  const Ref known = Find(hash, name.directory, name.name);
  if (known != kNone) return {known, false};
  const std::size_t bytes = kHeaderBytes + name.object.size() + name.name.size();
  if (used_ + bytes > kChunkBytes) {
    if (chunks_.size() == kMaxChunks) return {};
    chunks_.push_back(std::make_unique_for_overwrite<char[]>(kChunkBytes));
    used_ = 0;
  }
  const Ref ref = static_cast<Ref>((chunks_.size() - 1) * kChunkBytes + used_);
  const Header header = {name.directory, 0, static_cast<std::uint8_t>(name.object.size()),
                         static_cast<std::uint8_t>(name.name.size())};
  char* at = At(ref);
  std::memcpy(at, &header, kHeaderBytes);
  name.object.copy(at + kHeaderBytes, name.object.size());
  name.name.copy(at + kHeaderBytes + name.object.size(), name.name.size());
  used_ += bytes;
  ++size_;
  index_.Insert(hash, ref);
  return {ref, true};
}

NameTable::Name NameTable::Get(Ref ref) const {
  const char* at = At(ref);
  const Header header = HeaderAt(at);
  const char* object = at + kHeaderBytes;
  return {header.directory,
          {object + header.object_size, header.name_size},
          {object, header.object_size}};
}

std::uint8_t NameTable::flags(Ref ref) const {
  return static_cast<std::uint8_t>(At(ref)[kFlagsAt]);
}

void NameTable::AddFlags(Ref ref, std::uint8_t flags) {
  char* at = At(ref) + kFlagsAt;
  *at = static_cast<char>(static_cast<std::uint8_t>(*at) | flags);
}

}  // namespace cj
