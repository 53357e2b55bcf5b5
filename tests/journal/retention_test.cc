// Which periods go, as a table; then what ApplyRetention does to a real store.
#include "journal/retention.h"

#include "fixture.h"

namespace cj {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

// Periods 1 to 4 ended at 100, 200, 300, 400 and have 10 MiB each; 5 is open.
std::vector<PeriodUse> FivePeriods() {
  return {{PeriodId(1), 100, 10 * kMiB},
          {PeriodId(2), 200, 10 * kMiB},
          {PeriodId(3), 300, 10 * kMiB},
          {PeriodId(4), 400, 10 * kMiB},
          {PeriodId(5), 0, 10 * kMiB}};
}

TEST_CASE("retention: the table") {
  struct Row {
    const char* what;
    RetentionLimits limits;
    DiskState disk;
    std::int64_t now;
    std::uint64_t oldest;
  };
  const Row rows[] = {
      {"no limits", {}, {~0ULL, 0}, 1'000'000, 1},
      {"use below the limit", {50 * kMiB, 0, 0}, {49 * kMiB, 0}, 500, 1},
      {"use at the limit", {50 * kMiB, 0, 0}, {50 * kMiB, 0}, 500, 1},
      {"one byte over", {50 * kMiB, 0, 0}, {50 * kMiB + 1, 0}, 500, 2},
      {"exactly one period over", {40 * kMiB, 0, 0}, {50 * kMiB, 0}, 500, 2},
      {"a period and a byte over", {40 * kMiB - 1, 0, 0}, {50 * kMiB, 0}, 500, 3},
      {"more over than all have: the open one stays", {1, 0, 0}, {500 * kMiB, 0}, 500, 5},
      {"age at the limit", {0, 400, 0}, {}, 500, 1},
      {"one microsecond too old", {0, 399, 0}, {}, 500, 2},
      {"all too old: the open one stays", {0, 1, 0}, {}, 1'000'000, 5},
      {"the clock went back", {0, 1, 0}, {}, 50, 1},
      {"free space enough", {0, 0, 5 * kMiB}, {50 * kMiB, 5 * kMiB}, 500, 1},
      {"free space short by a byte", {0, 0, 5 * kMiB}, {50 * kMiB, 5 * kMiB - 1}, 500, 2},
      {"free space short by much", {0, 0, 25 * kMiB}, {50 * kMiB, 0}, 500, 4},
      {"the strictest limit decides", {45 * kMiB, 250, 1}, {50 * kMiB, 0}, 500, 3},
      {"age gives space back, too", {40 * kMiB, 399, 0}, {50 * kMiB, 0}, 500, 2},
      {"an age of centuries", {0, INT64_MAX, 0}, {}, INT64_MAX, 1},
  };
  std::vector<PeriodUse> periods = FivePeriods();
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CHECK(OldestToKeep(periods, row.limits, row.disk, row.now).value == row.oldest);
  }
}

TEST_CASE("retention: what all consumers have") {
  struct Row {
    const char* what;
    std::optional<std::int64_t> keep;
    std::uint64_t acknowledged;
    std::int64_t now;
    std::uint64_t oldest;
  };
  const Row rows[] = {
      {"stays where nothing is said", std::nullopt, 5, 1'000'000, 1},
      {"stays where there is no consumer", 0, 0, 1'000'000, 1},
      {"goes at once", 0, 3, 1'000'000, 3},
      {"goes no further than the slowest has come", 0, 2, 1'000'000, 2},
      {"goes when it is old enough", 250, 5, 500, 3},
      {"the open one stays", 0, 5, 1'000'000, 5},
  };
  const std::vector<PeriodUse> periods = FivePeriods();
  for (const Row& row : rows) {
    CAPTURE(row.what);
    RetentionLimits limits;
    limits.keep_acknowledged_usec = row.keep;
    CHECK(OldestToKeep(periods, limits, {}, row.now, PeriodId(row.acknowledged)).value ==
          row.oldest);
  }
  RetentionLimits both;
  both.keep_acknowledged_usec = 0;
  both.max_age_usec = 150;
  CHECK(OldestToKeep(periods, both, {}, 500, PeriodId(2)) == PeriodId(4));
}

TEST_CASE("retention: a journal of one period keeps it") {
  std::vector<PeriodUse> periods = {{PeriodId(9), 0, kMiB}};
  CHECK(OldestToKeep(periods, {1, 1, ~0ULL}, {~0ULL, 0}, INT64_MAX) == PeriodId(9));
}

TEST_CASE("retention: a period that a jumping clock made young protects those after it") {
  std::vector<PeriodUse> periods = FivePeriods();
  periods[1].end_usec = 990;
  CHECK(OldestToKeep(periods, {0, 100, 0}, {}, 1000) == PeriodId(2));
}

TEST_CASE("retention: times as far apart as they can be") {
  std::vector<PeriodUse> periods = {{PeriodId(1), INT64_MIN, 1}, {PeriodId(2), 0, 1}};
  CHECK(OldestToKeep(periods, {0, INT64_MAX, 0}, {}, INT64_MAX) == PeriodId(2));
}

TEST_CASE("retention: ApplyRetention drops from the store, and says what is left") {
  ScratchDirectory scratch;
  auto store = OpenStore(scratch / "journal");
  for (int i = 0; i < 3; ++i) AdvanceStore(*store, 100);
  REQUIRE(store->Periods().size() == 4);
  std::int64_t now = store->Periods()[1].end_usec + 11;
  CHECK(ApplyRetention(*store, {}, 0, now).oldest == PeriodId(1));
  CHECK(ApplyRetention(*store, {0, 10, 0}, 0, now).oldest == PeriodId(3));
  CHECK(store->Periods().front().id == PeriodId(3));
  CHECK(ApplyRetention(*store, {1, 0, 0}, 0, now).oldest == PeriodId(4));
  CHECK(store->Periods().size() == 1);
}

}  // namespace
}  // namespace cj
