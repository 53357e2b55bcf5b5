// A small seeded generator (SplitMix64): the same seed gives the same choices on every machine,
// which std::uniform_int_distribution does not promise. One per process; not thread-safe.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>

namespace cj::oracle {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t Next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // In [0, limit); 0 for a limit of 0.
  std::uint64_t Below(std::uint64_t limit) { return limit == 0 ? 0 : Next() % limit; }
  bool Percent(unsigned chance) { return Below(100) < chance; }
  template <typename T>
  T Pick(std::initializer_list<T> values) {
    return values.begin()[Below(values.size())];
  }
  std::string Bytes(std::size_t size) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>('a' + Below(26));
    return bytes;
  }

 private:
  std::uint64_t state_;
};

}  // namespace cj::oracle
