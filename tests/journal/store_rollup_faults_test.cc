// A disk that fails while periods are rolled up and dropped: what answers make of the records stays
// the same, and rollups are made again.
#include <rocksdb/env.h>

#include "fixture.h"
#include "fold_text.h"
#include "journal/database_keeper.h"
#include "tests/support/faulty_file_system.h"

namespace cj {
namespace {

using Fault = FaultyFileSystem::Fault;
using Kind = FaultyFileSystem::Kind;

struct Rig {
  ManualClock clock;
  ScratchDirectory scratch{ScratchDirectory::Medium::kMemory};
  std::shared_ptr<FaultyFileSystem> disk = std::make_shared<FaultyFileSystem>();
  std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(disk);
  std::unique_ptr<RocksStore> store;

  RocksStoreOptions Options() {
    RocksStoreOptions options;
    options.env = env.get();
    options.clock = &clock;
    return options;
  }
};

// Of the same few files in each period.
Batch SameFiles(const Store& store) {
  Batch batch = NextBatch(store, 5);
  for (std::size_t i = 0; i < batch.records.size(); ++i) {
    const SequenceNumber sequence = batch.records[i].sequence;
    batch.records[i] = MakeRecord(batch.period, SequenceNumber(i + 1));
    batch.records[i].sequence = sequence;
  }
  return batch;
}

Status EndPeriod(Store& store) {
  const auto [sealed, opened] = PeriodTurn(store);
  return store.Advance(SameFiles(store), sealed, opened);
}

template <typename Operation>
void Persist(Rig& rig, const Operation& operation) {
  for (int attempt = 0; attempt < 6 && !operation().has_value(); ++attempt) {
    rig.clock.Advance(kReopenIntervalMostUsec);
  }
}

void RollUpAll(Store& store) {
  for (;;) {
    const auto more = store.RollUp({});
    if (!more.has_value() || !*more) return;
  }
}

void CheckScans(const Store& store) {
  std::vector<std::vector<std::string>> texts;
  for (const bool distinct : {false, true}) {
    ScanRange range = Everything();
    range.distinct = distinct;
    Fold fold(1000);
    for (const Record& record : ScanAll(store, range)) REQUIRE(fold.Add(record));
    texts.push_back(TextOf(fold));
  }
  REQUIRE(texts[0] == texts[1]);
}

std::unique_ptr<RocksStore> OpenWithPeriods(Rig& rig, int periods) {
  auto store = OpenStore(rig.scratch / "journal", rig.Options());
  for (int i = 0; i < periods; ++i) REQUIRE(EndPeriod(*store));
  return store;
}

// What the daemon does with a store of many periods.
void Work(Rig& rig) {
  RocksStore& store = *rig.store;
  RollUpAll(store);
  Persist(rig, [&] { return store.Append(SameFiles(store)); });
  (void)store.DropPeriodsBefore(PeriodId(26)).has_value();
  RollUpAll(store);
  for (int i = 0; i < 9; ++i) Persist(rig, [&] { return EndPeriod(store); });
  (void)store.DropPeriodsBefore(PeriodId(10)).has_value();
  RollUpAll(store);
}

}  // namespace

TEST_CASE("rollup faults: the n-th operation fails, once or from then on, power loss or not") {
  for (const auto& [fault, kind, power_loss] : {std::tuple{Fault::kOnce, Kind::kFull, false},
                                                std::tuple{Fault::kForever, Kind::kBroken, true}}) {
    bool failed = true;
    std::uint64_t n = 1;
    for (; failed; ++n) {
      CAPTURE(n, power_loss);
      Rig rig;
      rig.store = OpenWithPeriods(rig, 30);
      rig.disk->FailAt(n, fault, kind);
      Work(rig);
      failed = rig.disk->failed();
      if (fault == Fault::kOnce) CheckScans(*rig.store);
      rig.store.reset();
      if (power_loss) rig.disk->DropUnsynced();
      rig.disk->FailAt(0, fault);
      auto store = OpenStore(rig.scratch / "journal");
      CheckScans(*store);
      for (int i = 0; i < 9; ++i) REQUIRE(EndPeriod(*store));
      RollUpAll(*store);
      CheckScans(*store);
      CHECK_FALSE(store->RollUp({}).value());
      REQUIRE(n < 1'000);
    }
    CHECK(n > 20);
  }
}

TEST_CASE(
    "rollup faults: a drop that opens the database again knows no rollup of what it dropped") {
  Rig rig;
  rig.store = OpenWithPeriods(rig, 30);
  RollUpAll(*rig.store);
  rig.disk->FailAt(1, Fault::kOnce);
  REQUIRE_FALSE(rig.store->Append(SameFiles(*rig.store)).has_value());
  rig.clock.Advance(kReopenIntervalMostUsec);
  REQUIRE(rig.store->DropPeriodsBefore(PeriodId(26)));
  while (rig.store->OpenPeriod().id < PeriodId(41)) REQUIRE(EndPeriod(*rig.store));
  RollUpAll(*rig.store);
  CheckScans(*rig.store);
  ScanRange range = Everything();
  range.from = PeriodId(32);
  range.until = PeriodId(40);
  range.distinct = true;
  CHECK(ScanAll(*rig.store, range).size() == 6);
}

TEST_CASE("rollup faults: a drop that fails puts back what it had forgotten") {
  Rig rig;
  rig.store = OpenWithPeriods(rig, 30);
  RollUpAll(*rig.store);
  rig.disk->FailAt(1, Fault::kForever);
  REQUIRE_FALSE(rig.store->DropPeriodsBefore(PeriodId(26)).has_value());
  rig.disk->FailAt(0, Fault::kOnce);
  rig.clock.Advance(kReopenIntervalMostUsec);
  REQUIRE(rig.store->Append(SameFiles(*rig.store)));
  CheckScans(*rig.store);
  ScanRange range = Everything();
  range.until = PeriodId(24);
  range.distinct = true;
  CHECK(ScanAll(*rig.store, range).size() == 7 * 5 + 2 * 6);
}

}  // namespace cj
