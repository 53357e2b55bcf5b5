// How the reader (reader.h) reads.
#pragma once

#include <cstdint>
#include <functional>

#include "base/memory_pressure.h"

namespace cj {

struct ReaderOptions {
  // Events that come of themselves are read so long after the first of them: the kernel merges
  // meanwhile.
  std::int64_t drain_interval_usec = 10'000;
  // The interval counts from the last drain instead: what comes after a pause is read at once.
  bool at_once = false;
  // While the store takes nothing, this is asked so often. When it is true, what is queued is
  // thrown away, and becomes a gap: the machine's memory is worth more.
  std::function<bool()> memory_is_short = MemoryIsShort;
  std::int64_t memory_interval_usec = 1'000'000;
};

}  // namespace cj
