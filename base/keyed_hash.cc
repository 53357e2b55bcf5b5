#include "base/keyed_hash.h"

#include <sys/random.h>

#include <cstring>

#include "base/check.h"

namespace cj {
namespace {

constexpr int kCompressionRounds = 2;
constexpr int kFinalizationRounds = 4;

std::uint64_t RotateLeft(std::uint64_t value, int bits) {
  return (value << bits) | (value >> (64 - bits));
}

// The host is little-endian (x86-64, arm64); SipHash reads its input that way.
std::uint64_t LoadWord(const char* bytes) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, sizeof(word));
  return word;
}

struct SipState {
  std::uint64_t v0, v1, v2, v3;

  void Round() {
    v0 += v1;
    v1 = RotateLeft(v1, 13) ^ v0;
    v0 = RotateLeft(v0, 32);
    v2 += v3;
    v3 = RotateLeft(v3, 16) ^ v2;
    v0 += v3;
    v3 = RotateLeft(v3, 21) ^ v0;
    v2 += v1;
    v1 = RotateLeft(v1, 17) ^ v2;
    v2 = RotateLeft(v2, 32);
  }
  void Absorb(std::uint64_t word) {
    v3 ^= word;
    for (int i = 0; i < kCompressionRounds; ++i) Round();
    v0 ^= word;
  }
  std::uint64_t Squeeze() {
    for (int i = 0; i < kFinalizationRounds; ++i) Round();
    return v0 ^ v1 ^ v2 ^ v3;
  }
};

}  // namespace

HashKey RandomHashKey() {
  HashKey key;
  CJ_CHECK(::getrandom(&key, sizeof(key), 0) == static_cast<ssize_t>(sizeof(key)),
           "the kernel gives 16 random bytes");
  return key;
}

const HashKey& ProcessHashKey() {
  static const HashKey key = RandomHashKey();
  return key;
}

namespace {

// All of the bytes, before either half is made.
SipState Absorbed(const HashKey& key, std::string_view bytes) {
  SipState state{0x736f6d6570736575ULL ^ key.low, 0x646f72616e646f6dULL ^ key.high ^ 0xee,
                 0x6c7967656e657261ULL ^ key.low, 0x7465646279746573ULL ^ key.high};
  const std::size_t whole = bytes.size() / 8 * 8;
  for (std::size_t at = 0; at < whole; at += 8) state.Absorb(LoadWord(bytes.data() + at));
  std::uint64_t last = std::uint64_t{bytes.size()} << 56;
  for (std::size_t at = whole; at < bytes.size(); ++at) {
    last |= std::uint64_t{static_cast<unsigned char>(bytes[at])} << (8 * (at - whole));
  }
  state.Absorb(last);
  state.v2 ^= 0xee;
  return state;
}

}  // namespace

std::uint64_t KeyedHash64(const HashKey& key, std::string_view bytes) {
  return Absorbed(key, bytes).Squeeze();
}

Hash128 KeyedHash(const HashKey& key, std::string_view bytes) {
  SipState state = Absorbed(key, bytes);
  Hash128 hash;
  hash.low = state.Squeeze();
  state.v1 ^= 0xdd;
  hash.high = state.Squeeze();
  return hash;
}

}  // namespace cj
