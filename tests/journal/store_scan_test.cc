// Cursors: every range, both directions, and what they must not see or pass over.
#include <rocksdb/db.h>

#include "fixture.h"
#include "journal/keys.h"
#include "journal/rocks_options.h"

namespace cj {
namespace {

std::vector<std::uint64_t> Numbers(const std::vector<Record>& records) {
  std::vector<std::uint64_t> numbers;
  for (const Record& record : records) numbers.push_back(record.sequence.value);
  return numbers;
}

// Periods: 1 has 1-10, 2 has none, 3 has 11-15, 4 (open) has 16-18.
std::unique_ptr<RocksStore> SampleStore(const std::string& path) {
  auto store = OpenStore(path);
  AdvanceStore(*store, 10);
  AdvanceStore(*store);
  AdvanceStore(*store, 5);
  AppendRecords(*store, 3);
  return store;
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
  for (std::uint64_t from : {1, 2}) {
    Error error = FailureOf(store->Scan({PeriodId(from), PeriodId(9), {}, false}));
    CHECK(error.code == ErrorCode::kRescanNeeded);
  }
  CHECK(ScanAll(*store, Everything()).size() == 8);
  CHECK(ScanAll(*store, {PeriodId(3), PeriodId(9), {}, false}).size() == 8);
  Record record;
  std::size_t seen = 0;
  while (cursor->Next(&record).value()) ++seen;
  CHECK(seen == 18);
}

// Deletes one record behind the store's back.
void DamageRecord(const std::string& path, const RecordPosition& position) {
  std::vector<rocksdb::ColumnFamilyDescriptor> columns;
  for (const char* name : kColumnNames) columns.emplace_back(name, rocksdb::ColumnFamilyOptions());
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* db = nullptr;
  REQUIRE(rocksdb::DB::Open({}, path, columns, &handles, &db).ok());
  auto* records = handles[static_cast<std::size_t>(Column::kRecords)];
  CHECK(db->Delete({}, records, RecordKey(position)).ok());
  for (auto* handle : handles) delete handle;
  delete db;
}

TEST_CASE("scan: a record that is missing is corruption in both directions, never a short answer") {
  const RecordPosition missing[] = {
      {PeriodId(1), SequenceNumber(1)},  {PeriodId(1), SequenceNumber(5)},
      {PeriodId(1), SequenceNumber(10)}, {PeriodId(3), SequenceNumber(11)},
      {PeriodId(3), SequenceNumber(15)}, {PeriodId(4), SequenceNumber(16)},
  };
  for (const RecordPosition& position : missing) {
    CAPTURE(position.sequence.value);
    ScratchDirectory scratch;
    SampleStore(scratch / "journal").reset();
    DamageRecord(scratch / "journal", position);
    auto store = OpenStore(scratch / "journal");
    for (bool reverse : {false, true}) {
      ScanRange range{PeriodId(0), PeriodId(99), {}, reverse};
      auto cursor = std::move(store->Scan(range)).value();
      Record record;
      Result<bool> more = cursor->Next(&record);
      while (more.has_value() && *more) more = cursor->Next(&record);
      Error error = FailureOf(more);
      CHECK(error.code == ErrorCode::kCorruption);
      CHECK(error.message.find(std::to_string(position.sequence.value)) != std::string::npos);
    }
    // Answers that do not need it are given.
    ScanRange after{PeriodId(0), PeriodId(99), position.sequence, false};
    CHECK(ScanAll(*store, after).size() == 18 - position.sequence.value);
  }
}

}  // namespace
}  // namespace cj
