// The periods in memory, compared with a plain list of them.
#include "journal/period_table.h"

#include <algorithm>
#include <random>

#include "../support/seed.h"
#include "fixture.h"

namespace cj {
namespace {

PeriodInfo Period(std::uint64_t id, std::mt19937_64& random) {
  PeriodInfo period;
  period.id = PeriodId(id);
  period.start_usec = static_cast<std::int64_t>(random() % 1000);
  period.end_usec = static_cast<std::int64_t>(random() % 1000);
  period.first_sequence = SequenceNumber(random());
  period.record_count = random();
  period.unscanned_usec = static_cast<std::int64_t>(random() % 3);
  if (random() % 3 == 0) period.label = "label " + std::to_string(random() % 10);
  if (random() % 3 == 0) period.gaps.push_back({"/volume", 1, 2, "a cause", {}});
  return period;
}

void CheckSame(const PeriodTable& table, const std::vector<PeriodInfo>& periods) {
  REQUIRE(table.All() == periods);
  CHECK(table.size() == periods.size());
  CHECK(table.oldest() == periods.front().id);
  CHECK(table.newest() == periods.back().id);
  CHECK_FALSE(table.Has(PeriodId(periods.front().id.value - 1)));
  CHECK_FALSE(table.Has(periods.back().id.Next()));
  const std::vector<PeriodStart> starts = table.Starts();
  REQUIRE(starts.size() == periods.size());
  for (std::size_t i = 0; i < periods.size(); ++i) {
    CHECK(starts[i].id == periods[i].id);
    CHECK(starts[i].start_usec == periods[i].start_usec);
    CHECK(table.HasGaps(periods[i].id) == !periods[i].gaps.empty());
  }
}

std::vector<PeriodInfo> WithGaps(const std::vector<PeriodInfo>& periods, PeriodId from,
                                 PeriodId until) {
  std::vector<PeriodInfo> found;
  std::copy_if(periods.begin(), periods.end(), std::back_inserter(found),
               [&](const PeriodInfo& period) {
                 return period.id >= from && period.id < until && !period.gaps.empty();
               });
  return found;
}

TEST_CASE("the table of periods: which one a record is in") {
  std::vector<PeriodInfo> periods;
  for (const std::uint64_t first : {10, 10, 15, 15, 15, 20}) {
    PeriodInfo period;
    period.id = PeriodId(7 + periods.size());
    period.first_sequence = SequenceNumber(first);
    periods.push_back(period);
  }
  const PeriodTable table(periods);
  CHECK(table.Of(SequenceNumber(0)) == PeriodId(7));  // gone: the oldest
  CHECK(table.Of(SequenceNumber(9)) == PeriodId(7));
  CHECK(table.Of(SequenceNumber(10)) == PeriodId(8));  // the one before is empty
  CHECK(table.Of(SequenceNumber(14)) == PeriodId(8));
  CHECK(table.Of(SequenceNumber(15)) == PeriodId(11));
  CHECK(table.Of(SequenceNumber(20)) == PeriodId(12));
  CHECK(table.Of(SequenceNumber(1000)) == PeriodId(12));
}

TEST_CASE("the table of periods: random changes, as in a list") {
  const std::uint64_t seed = TestSeed();
  INFO("CJ_SEED=" << seed);
  std::mt19937_64 random(seed);
  std::uint64_t next = 5;
  std::vector<PeriodInfo> periods = {Period(next++, random)};
  PeriodTable table(periods);
  for (int step = 0; step < 2000; ++step) {
    const std::size_t any = random() % periods.size();
    switch (random() % 8) {
      case 0: {
        PeriodInfo changed = Period(periods[any].id.value, random);
        table.Set(changed);
        periods[any] = changed;
        break;
      }
      case 1: {
        const std::vector<PeriodInfo> dropped = table.DropBefore(periods[any].id);
        CHECK(dropped == std::vector<PeriodInfo>(periods.begin(), periods.begin() + any));
        if (random() % 2 == 0) {
          table.PutBack(dropped);
        } else {
          periods.erase(periods.begin(), periods.begin() + any);
        }
        break;
      }
      default:
        periods.push_back(Period(next++, random));
        table.Add(periods.back());
    }
    CheckSame(table, periods);
    const PeriodId from(random() % (next + 2));
    const PeriodId until(random() % (next + 2));
    CHECK(table.WithGaps(from, until) == WithGaps(periods, from, until));
    CHECK(table.Get(periods[any % periods.size()].id) == periods[any % periods.size()]);
  }
}

}  // namespace
}  // namespace cj
