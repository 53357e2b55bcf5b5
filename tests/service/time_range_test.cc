// Which periods a range of times leaves out.
#include "service/time_range.h"

#include <catch2/catch.hpp>

using namespace cj;

namespace {

constexpr std::int64_t kHour = 3'600'000'000;
using Bound = std::optional<std::int64_t>;

// Periods 1 to 5, an hour long each, of which the clock was set back by two before the fifth.
std::vector<PeriodStart> Periods() {
  return {{PeriodId(1), 10 * kHour},
          {PeriodId(2), 11 * kHour},
          {PeriodId(3), 12 * kHour},
          {PeriodId(4), 13 * kHour},
          {PeriodId(5), 12 * kHour}};
}

std::pair<std::uint64_t, std::uint64_t> Narrowed(Bound from, Bound to) {
  ScanRange range;
  range.from = PeriodId(1);
  range.until = PeriodId(6);
  TimeRange{from, to}.Narrow(Periods(), &range);
  return {range.from.value, range.until.value};
}

}  // namespace

TEST_CASE("a range of times holds its ends, and what has a part in it") {
  const TimeRange range{10, 20};
  CHECK(range.Hold(10));
  CHECK(range.Hold(20));
  CHECK_FALSE(range.Hold(9));
  CHECK_FALSE(range.Hold(21));
  CHECK(range.Meet(0, 10));
  CHECK(range.Meet(20, 30));
  CHECK(range.Meet(0, 30));
  CHECK_FALSE(range.Meet(0, 9));
  CHECK_FALSE(range.Meet(21, 30));
  CHECK(TimeRange{}.Hold(-5));
}

TEST_CASE("a range of times leaves out periods that lie outside of it") {
  using Range = std::pair<std::uint64_t, std::uint64_t>;
  CHECK(Narrowed({}, {}) == Range(1, 6));
  CHECK(Narrowed(0, 99 * kHour) == Range(1, 6));
  CHECK(Narrowed(11 * kHour + kHour / 2, {}) == Range(2, 6));
  // Just behind its end a period may have a record still.
  CHECK(Narrowed(11 * kHour + 1, {}) == Range(1, 6));
  CHECK(Narrowed({}, 10 * kHour + 1) == Range(1, 2));
  CHECK(Narrowed({}, 12 * kHour - kHour / 2) == Range(1, 3));
  // What the clock has shown twice is in both.
  CHECK(Narrowed({}, 12 * kHour) == Range(1, 6));
  CHECK(Narrowed(99 * kHour, {}) == Range(5, 6));
  // A range before all: something is left to read, which then holds nothing.
  CHECK(Narrowed({}, 0) == Range(1, 2));
}
