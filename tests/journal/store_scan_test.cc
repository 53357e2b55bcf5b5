// Cursors: every range, both directions, and what they must not see or pass over.
#include <algorithm>
#include <numeric>

#include "fixture.h"
#include "journal/record_row.h"

namespace cj {
namespace {

std::vector<std::uint64_t> Numbers(const std::vector<Record>& records) {
  std::vector<std::uint64_t> numbers;
  for (const Record& record : records) numbers.push_back(record.sequence.value);
  return numbers;
}

TEST_CASE("scan: the table of ranges, forward and reverse") {
  ScratchDirectory scratch;
  auto store = SampleStore(scratch / "journal");
  struct Row {
    std::uint64_t from, until, after, first, last;  // last 0: nothing
  };
  constexpr std::uint64_t kMax = ~std::uint64_t{0};
  const Row rows[] = {
      {0, kMax, 0, 1, 18},   {1, 5, 0, 1, 18},          {1, 2, 0, 1, 10},    {2, 3, 0, 0, 0},
      {1, 3, 0, 1, 10},      {2, 4, 0, 11, 15},         {3, 5, 0, 11, 18},   {4, 5, 0, 16, 18},
      {5, 9, 0, 0, 0},       {3, 3, 0, 0, 0},           {4, 2, 0, 0, 0},     {0, kMax, 4, 5, 18},
      {0, kMax, 10, 11, 18}, {0, kMax, 12, 13, 18},     {1, 4, 12, 13, 15},  {3, 5, 4, 11, 18},
      {1, 3, 10, 0, 0},      {0, kMax, 17, 18, 18},     {0, kMax, 18, 0, 0}, {0, kMax, 99, 0, 0},
      {0, kMax, kMax, 0, 0}, {0, kMax, kMax - 1, 0, 0},
  };
  for (const Row& row : rows) {
    CAPTURE(row.from, row.until, row.after);
    std::vector<std::uint64_t> expected;
    for (std::uint64_t n = row.first; row.last != 0 && n <= row.last; ++n) expected.push_back(n);
    ScanRange range{PeriodId(row.from), PeriodId(row.until), SequenceNumber(row.after), false};
    CHECK(Numbers(ScanAll(*store, range)) == expected);
    range.reverse = true;
    CHECK(Numbers(ScanAll(*store, range)) ==
          std::vector<std::uint64_t>(expected.rbegin(), expected.rend()));
  }
}

TEST_CASE("scan: records come back whole, times included, from every period") {
  ScratchDirectory scratch;
  auto store = SampleStore(scratch / "journal");
  for (const Record& record : ScanAll(*store, Everything())) {
    CHECK(record == MakeRecord(record.period, record.sequence));
  }
}

TEST_CASE("scan: a cursor sees the store as it was when it was made") {
  ScratchDirectory scratch;
  auto store = SampleStore(scratch / "journal");
  for (bool reverse : {false, true}) {
    ScanRange range = Everything();
    range.reverse = reverse;
    std::vector<Record> before = ScanAll(*store, range);
    auto cursor = std::move(store->Scan(range)).value();
    AppendRecords(*store, 5);
    AdvanceStore(*store, 5);
    AppendRecords(*store, 5);
    Record record;
    for (const Record& expected : before) {
      REQUIRE(cursor->Next(&record).value());
      CHECK(record == expected);
    }
    CHECK_FALSE(cursor->Next(&record).value());
    CHECK_FALSE(cursor->Next(&record).value());
  }
}

TEST_CASE("scan: dropped periods are refused; a cursor made before the drop still sees them") {
  ScratchDirectory scratch;
  auto store = SampleStore(scratch / "journal");
  auto cursor = std::move(store->Scan(Everything())).value();
  REQUIRE(store->DropPeriodsBefore(PeriodId(3)).has_value());
  const Error error = FailureOf(store->Scan({PeriodId(1), PeriodId(9), {}, false}));
  CHECK(error.code == ErrorCode::kRescanNeeded);
  // Nothing is missing of a dropped period that had nothing.
  CHECK(ScanAll(*store, {PeriodId(2), PeriodId(9), {}, false}).size() == 8);
  CHECK(ScanAll(*store, Everything()).size() == 8);
  CHECK(ScanAll(*store, {PeriodId(3), PeriodId(9), {}, false}).size() == 8);
  Record record;
  std::size_t seen = 0;
  while (cursor->Next(&record).value()) ++seen;
  CHECK(seen == 18);
}

TEST_CASE("scan: every part of every row is found, from any number on, both ways") {
  ScratchDirectory scratch;
  auto store = OpenStore(scratch / "journal");
  // Rows of all sizes around their bound, and drains that are several rows.
  for (std::size_t count : {kMostRowRecords - 1, kMostRowRecords, kMostRowRecords + 1}) {
    AppendRecords(*store, count);
  }
  AdvanceStore(*store, 3 * kMostRowRecords + 7);
  AppendRecords(*store, 1);
  AppendRecords(*store, 2 * kMostRowRecords);
  const std::uint64_t last = store->next_sequence().value - 1;
  std::vector<std::uint64_t> expected(last);
  std::iota(expected.begin(), expected.end(), 1);
  REQUIRE(Numbers(ScanAll(*store, Everything())) == expected);
  for (std::uint64_t after = 0; after <= last; after += after % 256 < 3 || after < 9 ? 1 : 31) {
    CAPTURE(after);
    ScanRange range{PeriodId(0), PeriodId(9), SequenceNumber(after), false};
    std::vector<std::uint64_t> rest(expected.begin() + static_cast<std::ptrdiff_t>(after),
                                    expected.end());
    REQUIRE(Numbers(ScanAll(*store, range)) == rest);
    range.reverse = true;
    std::reverse(rest.begin(), rest.end());
    REQUIRE(Numbers(ScanAll(*store, range)) == rest);
  }
}

}  // namespace
}  // namespace cj
