// The seed of a random test: CJ_SEED, or a fresh one. Whoever takes one says it where it fails.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>

namespace cj {

inline std::uint64_t TestSeed() {
  const char* given = std::getenv("CJ_SEED");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : std::random_device()();
}

}  // namespace cj
