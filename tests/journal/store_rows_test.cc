// Rows in a store: those of former versions among those of this one, lost ones, and rows that are
// not where they can be.
#include <algorithm>
#include <limits>

#include "fixture.h"
#include "journal/keys.h"
#include "journal/record_row.h"
#include "journal/rocks_cursor.h"
#include "raw_database.h"

namespace cj {
namespace {

std::vector<std::size_t> RowSizes(const std::string& path) {
  std::vector<std::size_t> sizes;
  ChangeRaw(path, [&](rocksdb::DB& db, const Handles& handles) {
    std::unique_ptr<rocksdb::Iterator> rows(
        db.NewIterator({}, handles[static_cast<std::size_t>(Column::kRecords)]));
    RowReader row;
    for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
      REQUIRE(row.Parse({rows->value().data(), rows->value().size()}).has_value());
      sizes.push_back(row.size());
    }
    return rows->status();
  });
  return sizes;
}

// Makes it what version 3 would have written: each record a row.
void MakeOld(const std::string& path) {
  auto store = OpenStore(path);
  const std::vector<Record> records = ScanAll(*store, Everything());
  const std::vector<PeriodInfo> periods = store->Periods();
  store.reset();
  ChangeRaw(path, [&](rocksdb::DB& db, const Handles& handles) {
    auto* column = handles[static_cast<std::size_t>(Column::kRecords)];
    rocksdb::Status status = db.DeleteRange({}, column, "", RecordKey({PeriodId(99), {}}));
    for (const Record& record : records) {
      std::string value;
      EncodeRecord(record, nullptr,
                   periods[record.period.value - periods.front().id.value].start_usec, &value);
      if (status.ok()) {
        status = db.Put({}, column, RecordKey({record.period, record.sequence}), value);
      }
    }
    return status;
  });
  std::string version;
  EncodeFormatVersion(3, &version);
  PutRaw(path, Column::kMeta, kFormatKey, version);
}

// Every scan gives exactly the records whose numbers are `expected`, all as MakeRecord has them.
void CheckScans(const Store& store, const std::vector<std::uint64_t>& expected) {
  for (std::uint64_t after = 0; after <= expected.back(); ++after) {
    for (bool reverse : {false, true}) {
      CAPTURE(after, reverse);
      ScanRange range{PeriodId(0), PeriodId(99), SequenceNumber(after), reverse};
      std::vector<std::uint64_t> found;
      for (const Record& record : ScanAll(store, range)) {
        CHECK(record == MakeRecord(record.period, record.sequence));
        found.push_back(record.sequence.value);
      }
      if (reverse) std::reverse(found.begin(), found.end());
      REQUIRE(found ==
              std::vector<std::uint64_t>(std::upper_bound(expected.begin(), expected.end(), after),
                                         expected.end()));
    }
  }
}

std::vector<std::uint64_t> UpTo(std::uint64_t last, std::uint64_t first = 1) {
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t n = first; n <= last; ++n) numbers.push_back(n);
  return numbers;
}

TEST_CASE("rows: a drain is as many as its records need, by number and by bytes") {
  ScratchDirectory scratch;
  auto store = OpenStore(scratch / "journal");
  AppendRecords(*store, kMostRowRecords);
  AppendRecords(*store, kMostRowRecords + 1);
  AppendRecords(*store, 1);
  Batch large = NextBatch(*store, 20);
  for (Record& record : large.records) record.name.assign(kFullRowBytes / 4, 'n');
  REQUIRE(store->Append(large).has_value());
  Batch huge = NextBatch(*store, 2);
  for (Record& record : huge.records) record.name.assign(3 * kFullRowBytes, 'n');
  REQUIRE(store->Append(huge).has_value());
  std::vector<Record> records = ScanAll(*store, Everything());
  REQUIRE(records.size() == 2 * kMostRowRecords + 2 + 22);
  CHECK(std::equal(huge.records.begin(), huge.records.end(), records.end() - 2));
  CHECK(std::equal(large.records.begin(), large.records.end(), records.end() - 22));
  store.reset();
  CHECK(RowSizes(scratch / "journal") ==
        std::vector<std::size_t>{kMostRowRecords, kMostRowRecords, 1, 1, 4, 4, 4, 4, 4, 1, 1});
  CHECK(ScanAll(*OpenStore(scratch / "journal"), Everything()) == records);
}

TEST_CASE("rows: a journal of version 3 goes on, its rows among new ones, until it drops them") {
  ScratchDirectory scratch;
  const std::string path = scratch / "journal";
  SampleStore(path).reset();
  MakeOld(path);
  REQUIRE(RowSizes(path) == std::vector<std::size_t>(18, 1));
  auto store = OpenStore(path);
  CHECK(store->next_sequence() == SequenceNumber(19));
  CheckScans(*store, UpTo(18));
  AppendRecords(*store, 5);  // in the period that old rows are in
  CheckScans(*store, UpTo(23));
  AdvanceStore(*store, 3);
  AppendRecords(*store, 4);
  CheckScans(*store, UpTo(30));
  SECTION("and is opened again") {
    store.reset();
    std::vector<std::size_t> sizes(18, 1);
    sizes.insert(sizes.end(), {5, 3, 4});
    CHECK(RowSizes(path) == sizes);
    std::string version;
    EncodeFormatVersion(kFormatVersion, &version);
    CHECK(GetRaw(path, Column::kMeta, kFormatKey) == version);
    CheckScans(*OpenStore(path), UpTo(30));
  }
  SECTION("periods of old rows alone") {
    REQUIRE(store->DropPeriodsBefore(PeriodId(4)).has_value());
    CheckScans(*store, UpTo(30, 16));
    store.reset();
    CHECK(RowSizes(path) == std::vector<std::size_t>{1, 1, 1, 5, 3, 4});
  }
  SECTION("the period of both") {
    REQUIRE(store->DropPeriodsBefore(PeriodId(5)).has_value());
    CheckScans(*store, UpTo(30, 27));
    store.reset();
    CHECK(RowSizes(path) == std::vector<std::size_t>{4});
  }
}

// What a scan of everything ends with.
Error ScanFailure(const std::string& path, bool reverse) {
  auto store = OpenStore(path);
  auto cursor = std::move(store->Scan({PeriodId(0), PeriodId(99), {}, reverse})).value();
  Record record;
  Result<bool> more = cursor->Next(&record);
  while (more.has_value() && *more) more = cursor->Next(&record);
  Error error = FailureOf(more);
  // Whoever goes on regardless is told again.
  CHECK(FailureOf(cursor->Next(&record)).message == error.message);
  return error;
}

// As the keeper notes what went with a disk.
void PutGap(const std::string& path, PeriodId id) {
  std::string value;
  for (PeriodInfo& period : OpenStore(path)->Periods()) {
    if (period.id != id) continue;
    period.gaps.push_back({"", 1, 2, "lost", {}});
    EncodePeriod(period, &value);
  }
  PutRaw(path, Column::kPeriods, PeriodKey(id), value);
}

TEST_CASE("rows: those that were lost with a disk are passed over, wherever they are") {
  ScratchDirectory scratch;
  const std::string path = scratch / "journal";
  SampleStore(path).reset();
  std::vector<std::uint64_t> expected = UpTo(18);
  struct Row {
    PeriodId period;
    std::uint64_t first, count;
  };
  for (const Row& row :
       {Row{PeriodId(1), 5, 3}, Row{PeriodId(3), 11, 1}, Row{PeriodId(4), 18, 1}}) {
    for (std::uint64_t n = row.first; n < row.first + row.count; ++n) {
      PutRaw(path, Column::kRecords, RecordKey({row.period, SequenceNumber(n)}), "");
      std::erase(expected, n);
    }
    CHECK(ScanFailure(path, false).code == ErrorCode::kRescanNeeded);  // no gap says so
    CHECK(ScanFailure(path, true).code == ErrorCode::kRescanNeeded);
    PutGap(path, row.period);
    auto store = OpenStore(path);
    CHECK(store->next_sequence() == SequenceNumber(19));
    CheckScans(*store, expected);
  }
}

TEST_CASE("rows: one that is missing is corruption in both directions, never a short answer") {
  struct Row {
    PeriodId period;
    std::uint64_t first, last;
  };
  const Row rows[] = {{PeriodId(1), 1, 4},   {PeriodId(1), 5, 7},   {PeriodId(1), 8, 10},
                      {PeriodId(3), 11, 11}, {PeriodId(3), 12, 15}, {PeriodId(4), 16, 17}};
  for (const Row& row : rows) {
    CAPTURE(row.first);
    ScratchDirectory scratch;
    const std::string path = scratch / "journal";
    SampleStore(path).reset();
    DeleteRaw(path, Column::kRecords, RecordKey({row.period, SequenceNumber(row.first)}));
    for (bool reverse : {false, true}) {
      Error error = ScanFailure(path, reverse);
      CHECK(error.code == ErrorCode::kCorruption);
      const std::uint64_t missed = reverse ? row.last : row.first;
      CHECK(error.message.find("record " + std::to_string(missed) + " is missing") !=
            std::string::npos);
    }
    // Answers that do not need it are given; those that need a part of it are not.
    auto store = OpenStore(path);
    ScanRange after{PeriodId(0), PeriodId(99), SequenceNumber(row.last), false};
    CHECK(ScanAll(*store, after).size() == 18 - row.last);
    after.reverse = true;
    CHECK(ScanAll(*store, after).size() == 18 - row.last);
    after.reverse = false;
    after.after = SequenceNumber(row.last - 1);
    Record record;
    auto cursor = std::move(store->Scan(after)).value();
    CHECK(FailureOf(cursor->Next(&record)).message.find(std::to_string(row.last)) !=
          std::string::npos);
  }
}

TEST_CASE("rows: those that cannot be where they are, or cannot be read, are corruption") {
  struct Row {
    const char* what;
    PeriodId period;
    std::uint64_t first;
    std::uint64_t count;  // 0: `value`
    std::string value;
    const char* forward;
    const char* reverse;
  };
  constexpr const char* kTwiceForward = "from 6 on has records that the one before has as well";
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  const Row rows[] = {
      {"in the middle of another", PeriodId(1), 6, 1, "", kTwiceForward, "record 7 is missing"},
      {"in another's end", PeriodId(1), 6, 2, "", kTwiceForward,
       "from 5 on has records that the next has as well"},
      {"longer than up to the next", PeriodId(1), 1, 6, "", "from 5 on has records that the one",
       "from 1 on has records that the next has as well"},
      {"shorter than up to the next", PeriodId(1), 1, 3, "", "record 4 is missing",
       "record 4 is missing"},
      {"over the end of its period", PeriodId(1), 8, 4, "", "from 8 on reaches over the end",
       "from 8 on reaches over the end"},
      {"behind the end of its period", PeriodId(1), 11, 1, "", "from 11 on reaches over the end",
       "from 11 on reaches over the end"},
      {"of a number of the period before", PeriodId(3), 5, 1, "", "from 5 on begins before its",
       "from 5 on begins before its"},
      {"in a period that has none", PeriodId(2), kMax, 1, "", "is in a period that has none",
       "is in a period that has none"},
      {"too short for its count", PeriodId(1), 5, 0, std::string("\0\x05xyz", 5),
       "from 5 on cannot be read: a damaged row", "from 5 on cannot be read"},
      {"without records", PeriodId(3), 12, 0, std::string("\0\0", 2), "damaged row", "damaged row"},
      {"one byte", PeriodId(3), 12, 0, "x", "damaged", "damaged"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    ScratchDirectory scratch;
    const std::string path = scratch / "journal";
    auto store = SampleStore(path);
    const std::vector<PeriodInfo> periods = store->Periods();
    store.reset();
    const std::int64_t start = periods.at(row.period.value - 1).start_usec;
    PutRaw(path, Column::kRecords, RecordKey({row.period, SequenceNumber(row.first)}),
           row.count == 0 ? row.value : RowValue(start, row.period, row.first, row.count));
    for (bool reverse : {false, true}) {
      Error error = ScanFailure(path, reverse);
      CAPTURE(reverse, error.message);
      CHECK(error.code == ErrorCode::kCorruption);
      CHECK(error.message.find(reverse ? row.reverse : row.forward) != std::string::npos);
    }
  }
}

// From the one with record `begin` on.
std::vector<PeriodRecords> PeriodsWith(const std::vector<PeriodInfo>& periods,
                                       std::uint64_t begin) {
  std::vector<PeriodRecords> found;
  for (const PeriodInfo& period : periods) {
    const std::uint64_t end = period.first_sequence.value + period.record_count;
    if (end <= begin) continue;
    const SequenceNumber last(period.open() ? std::numeric_limits<std::uint64_t>::max() : end);
    found.push_back({period.id, period.first_sequence, last, period.start_usec, false});
  }
  return found;
}

TEST_CASE("rows: a cursor gives what its plan has and no more, also from within a row") {
  // The snapshot may be younger than the plan: a write that nobody has been told of is in it.
  ScratchDirectory scratch;
  const std::string path = scratch / "journal";
  auto store = SampleStore(path);
  const std::vector<PeriodInfo> periods = store->Periods();
  store.reset();
  ChangeRaw(path, [&](rocksdb::DB& db, const Handles& handles) {
    for (std::uint64_t begin = 1; begin <= 18; ++begin) {
      for (std::uint64_t end = std::max<std::uint64_t>(begin, 16); end <= 19; ++end) {
        for (bool reverse : {false, true}) {
          CAPTURE(begin, end, reverse);
          CursorPlan plan;
          plan.periods = PeriodsWith(periods, begin);
          plan.ranges = {{SequenceNumber(begin), SequenceNumber(end)}};
          plan.reverse = reverse;
          RocksCursor cursor(db, handles[static_cast<std::size_t>(Column::kRecords)], nullptr, plan,
                             std::make_shared<CursorRegistry>());
          std::vector<std::uint64_t> found;
          Record record;
          while (cursor.Next(&record).value()) found.push_back(record.sequence.value);
          if (reverse) std::reverse(found.begin(), found.end());
          REQUIRE(found == UpTo(end - 1, begin));
        }
      }
    }
    return rocksdb::Status::OK();
  });
}

TEST_CASE("rows: a key that is none is corruption") {
  ScratchDirectory scratch;
  const std::string path = scratch / "journal";
  SampleStore(path).reset();
  PutRaw(path, Column::kRecords, RecordKey({PeriodId(1), SequenceNumber(5)}) + "x", "");
  for (bool reverse : {false, true}) {
    CHECK(ScanFailure(path, reverse).message.find("damaged key") != std::string::npos);
  }
}

}  // namespace
}  // namespace cj
