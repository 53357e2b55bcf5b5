#include "service/recent_rates.h"

#include <algorithm>

namespace cj {

void RecentRates::Note(const Reading& reading) {
  constexpr std::int64_t kLeastUsec = kIntervalUsec / (kReadings - 1);
  MutexLock lock(mutex_);
  if (count_ > 0) {
    const Reading& last = readings_.at((count_ - 1) % kReadings);
    if (reading.monotonic_usec - last.monotonic_usec < kLeastUsec) return;
  }
  readings_.at(count_ % kReadings) = reading;
  ++count_;
}

RecentRates::Rates RecentRates::Since(const Reading& now) const {
  MutexLock lock(mutex_);
  if (count_ == 0) return {};
  const std::size_t oldest = count_ - std::min(count_, kReadings);
  std::size_t chosen = oldest;
  for (std::size_t i = oldest; i < count_; ++i) {
    if (now.monotonic_usec - readings_.at(i % kReadings).monotonic_usec >= kIntervalUsec) {
      chosen = i;
    }
  }
  const Reading& from = readings_.at(chosen % kReadings);
  return {now.monotonic_usec - from.monotonic_usec, now.events - from.events,
          now.records - from.records};
}

}  // namespace cj
