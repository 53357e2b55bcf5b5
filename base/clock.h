// The clock seam: everything that looks at the time asks a Clock, so that tests decide what time it
// is. Any thread may call any method.
#pragma once

#include <cstdint>

namespace cj {

class Clock {
 public:
  virtual ~Clock() = default;
  // Microseconds since 1970-01-01 UTC (CLOCK_REALTIME); may jump.
  virtual std::int64_t RealtimeUsec() const = 0;
  // Microseconds of CLOCK_MONOTONIC; never goes back.
  virtual std::int64_t MonotonicUsec() const = 0;
  // The same, and goes on while the machine is suspended (CLOCK_BOOTTIME): by so much
  // CLOCK_REALTIME should have gone on.
  virtual std::int64_t BoottimeUsec() const { return MonotonicUsec(); }
  // The system's clocks; lives as long as the program.
  static Clock& System();
};

// A clock that a test sets by hand. Not thread-safe: set it while nobody reads.
class ManualClock : public Clock {
 public:
  std::int64_t RealtimeUsec() const override { return realtime_usec; }
  std::int64_t MonotonicUsec() const override { return monotonic_usec; }
  void Advance(std::int64_t usec) {
    realtime_usec += usec;
    monotonic_usec += usec;
  }
  std::int64_t realtime_usec = 1'700'000'000'000'000;
  std::int64_t monotonic_usec = 1'000'000'000;
};

}  // namespace cj
