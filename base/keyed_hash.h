// SipHash-2-4 with 128 bits of output: a hash that nobody who does not know the key can aim at.
// Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012), and its reference code.
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace cj {

struct HashKey {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
};

struct Hash128 {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend bool operator==(const Hash128&, const Hash128&) = default;
};

// From getrandom(2).
HashKey RandomHashKey();

Hash128 KeyedHash(const HashKey& key, std::string_view bytes);
// The first half of it, for tables that compare keys as well.
std::uint64_t KeyedHash64(const HashKey& key, std::string_view bytes);
// One key for all such tables of this process.
const HashKey& ProcessHashKey();

}  // namespace cj
