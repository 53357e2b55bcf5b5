// The writer is in the store: says since when, for the watchdog.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "base/clock.h"

namespace cj {

// For as long as a call to the store takes.
class InStore {
 public:
  InStore(std::atomic<std::int64_t>& since_usec, const Clock& clock) : since_usec_(since_usec) {
    since_usec_ = std::max<std::int64_t>(clock.MonotonicUsec(), 1);
  }
  ~InStore() { since_usec_ = 0; }
  InStore(const InStore&) = delete;
  InStore& operator=(const InStore&) = delete;

 private:
  std::atomic<std::int64_t>& since_usec_;
};

}  // namespace cj
