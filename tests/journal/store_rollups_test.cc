// Rollups in a store: scans of distinct records tell an answer the same as all records do, whatever
// has been rolled up, dropped, reopened or damaged.
#include <algorithm>

#include "fixture.h"
#include "fold_text.h"
#include "journal/keys.h"
#include "journal/record_codec.h"
#include "raw_database.h"
#include "rollups_fixture.h"

namespace cj {
namespace {

// A period of random records of few names; see RandomChange for `others`.
void AddPeriod(Store& store, std::size_t count, std::uint64_t others, std::mt19937_64& random) {
  Batch batch;
  batch.period = store.OpenPeriod().id;
  for (std::size_t i = 0; i < count; ++i) {
    batch.records.push_back(RandomChange(random, others));
    batch.records.back().period = batch.period;
    batch.records.back().sequence = SequenceNumber(store.next_sequence().value + i);
  }
  REQUIRE(store.Append(batch));
  AdvanceStore(store);
}

std::vector<std::string> Folded(const std::vector<Record>& records) {
  Fold fold(1'000'000);
  for (const Record& record : records) REQUIRE(fold.Add(record));
  return TextOf(fold);
}

// Reads `step` records with a cursor each, as a list does.
std::vector<Record> ScanInSteps(const Store& store, ScanRange range, std::size_t step) {
  std::vector<Record> records;
  Record record;
  for (bool more = true; more;) {
    auto cursor = store.Scan(range);
    REQUIRE(cursor);
    for (std::size_t i = 0; i < step && more; ++i) {
      auto next = (*cursor)->Next(&record);
      REQUIRE(next);
      more = *next;
      if (!more) break;
      records.push_back(record);
      range.from = (*cursor)->Resume(record);
      range.after = record.sequence;
    }
  }
  return records;
}

bool Ascends(const std::vector<Record>& records) {
  return std::is_sorted(records.begin(), records.end(), [](const Record& a, const Record& b) {
    return a.sequence < b.sequence && a.period <= b.period;
  });
}

TEST_CASE("store rollups: any interval folds to the same, read at once or in steps") {
  const std::uint64_t seed = TestSeed();
  INFO("CJ_SEED=" << seed);
  std::mt19937_64 random(seed);
  ScratchDirectory scratch(ScratchDirectory::Medium::kMemory);
  auto store = OpenStore(scratch / "journal");
  std::uint64_t read = 0;
  std::uint64_t all = 0;
  for (int turn = 0; turn < 60; ++turn) {
    // Sometimes nothing comes or goes for long.
    const std::uint64_t others = random() % 2 == 0 ? 8 : 1'000'000;
    const std::uint64_t periods = random() % 40;
    for (std::uint64_t i = 0; i < periods; ++i) {
      AddPeriod(*store, random() % 40, others, random);
    }
    if (random() % 2 == 0) RollUpAll(*store);
    if (random() % 8 == 0) {
      store.reset();
      store = OpenStore(scratch / "journal");
    }
    const std::uint64_t oldest = store->OldestPeriod().id.value;
    const std::uint64_t newest = store->OpenPeriod().id.value;
    if (random() % 8 == 0) {
      REQUIRE(store->DropPeriodsBefore(PeriodId(oldest + random() % (newest - oldest + 1) / 3)));
      continue;
    }
    const std::uint64_t from = oldest + random() % (newest - oldest + 1);
    const std::uint64_t until = from + random() % (newest - from + 2);
    CAPTURE(turn, from, until);
    const auto records = ScanAll(*store, Range(from, until, false));
    const auto distinct = ScanAll(*store, Range(from, until, true));
    REQUIRE(Folded(distinct) == Folded(records));
    REQUIRE(Ascends(distinct));
    REQUIRE(distinct.empty() == records.empty());
    if (!records.empty()) REQUIRE(distinct.back() == records.back());
    REQUIRE(ScanInSteps(*store, Range(from, until, true), 1 + random() % 30) == distinct);
    read += distinct.size();
    all += records.size();
  }
  CHECK(read < all);
}

TEST_CASE("store rollups: what a long interval reads follows what is distinct, not the periods") {
  ScratchDirectory scratch(ScratchDirectory::Medium::kMemory);
  auto store = OpenStore(scratch / "journal");
  constexpr std::uint64_t kPeriods = 600;
  constexpr std::uint64_t kFiles = 5;
  for (std::uint64_t period = 0; period < kPeriods; ++period) {
    Batch batch;
    batch.period = store->OpenPeriod().id;
    for (std::uint64_t file = 0; file < kFiles; ++file) {
      Record record = MakeRecord(batch.period, SequenceNumber(file));
      record.sequence = SequenceNumber(store->next_sequence().value + file);
      batch.records.push_back(record);
    }
    REQUIRE(store->Append(batch));
    AdvanceStore(*store);
  }
  REQUIRE(ScanAll(*store, Range(1, kPeriods + 1, true)).size() == kPeriods * kFiles);
  CHECK(RollUpAll(*store) >= kPeriods / 8);
  // Two blocks of 64 at the start and at the end, and the periods beside.
  CHECK(ScanAll(*store, Range(1, kPeriods + 1, true)).size() < 40 * (kFiles + 1));
  CHECK(ScanAll(*store, Range(1, kPeriods + 1, false)).size() == kPeriods * kFiles);
  // Periods without records are nothing to be read, either.
  for (std::uint64_t period = 0; period < kPeriods; ++period) AdvanceStore(*store);
  RollUpAll(*store);
  CHECK(ScanAll(*store, Range(kPeriods + 1, 2 * kPeriods, true)).empty());
}

TEST_CASE("store rollups: where every record tells something, none is made") {
  ScratchDirectory scratch(ScratchDirectory::Medium::kMemory);
  const std::string path = scratch / "journal";
  auto store = OpenStore(path);
  for (int i = 0; i < 100; ++i) AdvanceStore(*store, 20);
  CHECK(RollUpAll(*store) == 11);
  const auto records = ScanAll(*store, Everything());
  CHECK(ScanAll(*store, Range(1, 101, true)) == records);
  store.reset();
  ChangeRaw(path, [](rocksdb::DB& db, const Handles& handles) {
    const auto column = handles[static_cast<std::size_t>(Column::kRollups)];
    std::unique_ptr<rocksdb::Iterator> it(db.NewIterator({}, column));
    std::size_t entries = 0;
    for (it->SeekToFirst(); it->Valid(); it->Next()) ++entries;
    CHECK(entries == 11);  // what is known of the blocks
    return it->status();
  });
}

TEST_CASE("store rollups: cancelled, it is made the next time") {
  ScratchDirectory scratch(ScratchDirectory::Medium::kMemory);
  auto store = OpenStore(scratch / "journal");
  for (int i = 0; i < 20; ++i) AdvanceStore(*store, 1);
  const auto cancelled = store->RollUp([] { return true; });
  CHECK(FailureOf(cancelled).code == ErrorCode::kCancelled);
  CHECK(RollUpAll(*store) == 1);
}

TEST_CASE("store rollups: a drop takes those that it makes incomplete, and no other") {
  ScratchDirectory scratch(ScratchDirectory::Medium::kMemory);
  const std::string path = scratch / "journal";
  auto store = StoreWithRollups(path);
  for (int i = 0; i < 10; ++i) AdvanceStore(*store);
  RollUpAll(*store);
  REQUIRE(store->DropPeriodsBefore(PeriodId(9)));
  CHECK(ScanAll(*store, Range(9, 21, true)) == ScanAll(*store, Range(9, 21, false)));
  CHECK(ScanAll(*store, Range(16, 24, true)).size() == 2);
  store.reset();
  std::size_t rows = 0;
  CHECK(BlocksIn(path, &rows) == std::vector<RollupBlock>{{1, PeriodId(16)}});
  CHECK(rows == 1);
  CHECK(ScanAll(*OpenStore(path), Range(16, 24, true)).size() == 2);
}

TEST_CASE("store rollups: a scan that began before a drop sees all") {
  ScratchDirectory scratch(ScratchDirectory::Medium::kMemory);
  auto store = StoreWithRollups(scratch / "journal");
  const auto expected = ScanAll(*store, Range(1, 21, true));
  auto cursor = store->Scan(Range(1, 21, true));
  REQUIRE(cursor);
  REQUIRE(store->DropPeriodsBefore(PeriodId(20)));
  REQUIRE(store->Compact());
  std::vector<Record> seen(1);
  while ((*cursor)->Next(&seen.back()).value()) seen.emplace_back();
  seen.pop_back();
  CHECK(seen == expected);
}

TEST_CASE("store rollups: a rollup that comes, or goes, between two steps of a scan") {
  ScratchDirectory scratch(ScratchDirectory::Medium::kMemory);
  const std::string path = scratch / "journal";
  for (const bool comes : {true, false}) {
    CAPTURE(comes);
    std::filesystem::remove_all(path);
    auto store = StoreWithRollups(path);
    ScanRange range = Range(8, 21, true);
    Record record;
    auto step = [&] {
      auto cursor = store->Scan(range);
      REQUIRE(cursor);
      auto more = (*cursor)->Next(&record);
      REQUIRE(more);
      if (*more) range.from = (*cursor)->Resume(record);
      if (*more) range.after = record.sequence;
      return *more;
    };
    REQUIRE(step());
    CHECK(record.sequence.value == 8);
    CHECK(range.from == PeriodId(8));
    store.reset();
    if (!comes) DeleteRaw(path, Column::kRollups, RollupStateKey({1, PeriodId(8)}));
    store = OpenStore(path);
    std::size_t count = 1;
    while (step()) ++count;
    CHECK(count == (comes ? 7 : 13));
  }
}

TEST_CASE("store rollups: a journal of version 4, which has none, gets them") {
  ScratchDirectory scratch(ScratchDirectory::Medium::kMemory);
  const std::string path = scratch / "journal";
  StoreWithRollups(path).reset();
  std::string format;
  EncodeFormatVersion(4, &format);
  ChangeRaw(path, [&](rocksdb::DB& db, const Handles& handles) {
    const auto status = db.DropColumnFamily(handles[static_cast<std::size_t>(Column::kRollups)]);
    return status.ok() ? db.Put({}, kFormatKey, format) : status;
  });
  auto store = OpenStore(path);
  CHECK(ScanAll(*store, Range(1, 21, true)).size() == 20);
  CHECK(RollUpAll(*store) == 1);
  CHECK(ScanAll(*store, Range(1, 21, true)).size() == 14);
  store.reset();
  CHECK(OpenStore(path) != nullptr);
}

}  // namespace
}  // namespace cj
