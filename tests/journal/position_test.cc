// Which checkpoint a time means, also when the clock was set.
#include "journal/position.h"

#include "fixture.h"

namespace cj {
namespace {

constexpr JournalId kJournal(7);

std::vector<PeriodStart> PeriodsFrom(const std::vector<std::int64_t>& starts) {
  std::vector<PeriodStart> periods;
  for (const std::int64_t start : starts) {
    PeriodStart period;
    period.id = PeriodId(periods.size() + 1);
    period.start_usec = start;
    periods.push_back(period);
  }
  return periods;
}

// 0: refused.
std::uint64_t At(std::int64_t time, End end, const std::vector<std::int64_t>& starts) {
  Position position;
  position.time_usec = time;
  auto found = FindPosition(position, end, {kJournal, PeriodsFrom(starts), {}});
  if (found.has_value()) return found->value;
  CHECK(found.error().code == ErrorCode::kRescanNeeded);
  return 0;
}

TEST_CASE("positions: the newest checkpoint at or before a time") {
  for (const End end : {End::kSince, End::kUntil}) {
    CHECK(At(99, end, {100, 200, 300}) == 0);
    CHECK(At(100, end, {100, 200, 300}) == 1);
    CHECK(At(199, end, {100, 200, 300}) == 1);
    CHECK(At(200, end, {100, 200, 300}) == 2);
    CHECK(At(1000, end, {100, 200, 300}) == 3);
    CHECK(At(150, end, {100}) == 1);
    CHECK(At(200, end, {100, 200, 200, 300}) == 3);
  }
}

TEST_CASE("positions: a time that a clock that was set back has shown twice") {
  struct Row {
    std::int64_t time;
    std::uint64_t since;
    std::uint64_t until;
  };
  // In the second period, at 210 or later, it was set back to 150 or earlier, nobody knows to what.
  const std::vector<std::int64_t> starts{100, 200, 150, 250, 300};
  for (const Row& row : std::vector<Row>{
           {99, 2, 0},   // shown by the second period, if at all
           {120, 1, 1},  // by the first for sure
           {160, 1, 3},
           {199, 1, 3},
           {220, 2, 3},
           {260, 2, 4},  // by the second, if it was set back late
           {400, 2, 5},
       }) {
    INFO(row.time);
    CHECK(At(row.time, End::kSince, starts) == row.since);
    CHECK(At(row.time, End::kUntil, starts) == row.until);
  }
}

}  // namespace
}  // namespace cj
