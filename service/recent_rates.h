// How much has happened lately: a few readings of counters, which are taken now and then, for the
// difference over about a minute. Any thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/thread_annotations.h"

namespace cj {

class RecentRates {
 public:
  // The interval that is aimed at. Readings are kept for it, at most kReadings: of readings that
  // come more often than every kIntervalUsec / (kReadings - 1) some are left out.
  static constexpr std::int64_t kIntervalUsec = 60'000'000;
  static constexpr std::size_t kReadings = 13;

  struct Reading {
    std::int64_t monotonic_usec = 0;
    std::uint64_t events = 0;
    std::uint64_t records = 0;
  };
  struct Rates {
    std::int64_t interval_usec = 0;
    std::uint64_t events = 0;  // in the interval
    std::uint64_t records = 0;
  };

  // The first one is that of the start, with counters at zero.
  void Note(const Reading& reading) EXCLUDES(mutex_);
  // From the newest reading that is as old as the interval, or else from the oldest, until `now`.
  Rates Since(const Reading& now) const EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  std::array<Reading, kReadings> readings_ GUARDED_BY(mutex_);
  std::size_t count_ GUARDED_BY(mutex_) = 0;  // since the start
};

}  // namespace cj
