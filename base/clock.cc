#include "base/clock.h"

#include <ctime>

namespace cj {
namespace {

std::int64_t Read(clockid_t id) {
  timespec now{};
  ::clock_gettime(id, &now);
  return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

class SystemClock : public Clock {
 public:
  std::int64_t RealtimeUsec() const override { return Read(CLOCK_REALTIME); }
  std::int64_t MonotonicUsec() const override { return Read(CLOCK_MONOTONIC); }
  std::int64_t BoottimeUsec() const override { return Read(CLOCK_BOOTTIME); }
};

}  // namespace

Clock& Clock::System() {
  static SystemClock clock;
  return clock;
}

}  // namespace cj
