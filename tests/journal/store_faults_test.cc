// A disk that fails at the n-th operation, for n = 1, 2, 3 ... until a run has none left to fail:
// never a crash, never a wrong answer, and what was acknowledged is there when the fault is gone.
#include <rocksdb/env.h>

#include "fixture.h"
#include "journal/database_keeper.h"
#include "tests/support/faulty_file_system.h"

namespace cj {
namespace {

using Fault = FaultyFileSystem::Fault;

// A run's disk, and what the store has promised so far.
struct Rig {
  ManualClock clock;
  ScratchDirectory scratch{ScratchDirectory::Medium::kMemory};
  std::shared_ptr<FaultyFileSystem> disk = std::make_shared<FaultyFileSystem>();
  std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(disk);
  std::string path = scratch / "journal";
  std::uint64_t appended = 0;  // records that Append or Advance acknowledged: survive the process
  std::uint64_t synced = 0;    // records that Advance or Sync acknowledged: survive power loss
  std::uint64_t periods = 1;   // periods started by an acknowledged Advance
  std::uint64_t gaps = 0;
};

// Tries until it works, a few times: a fault that has gone must not leave the store broken.
template <typename Operation>
bool Persist(Rig& rig, const Operation& operation) {
  for (int attempt = 0; attempt < 6; ++attempt) {
    auto result = operation();
    if (result.has_value()) return true;
    INFO(result.error().message);
    REQUIRE_FALSE(result.error().message.empty());
    rig.clock.Advance(kReopenIntervalMostUsec);
  }
  return false;
}

std::unique_ptr<RocksStore> Open(Rig& rig) {
  RocksStoreOptions options;
  options.env = rig.env.get();
  options.clock = &rig.clock;
  std::unique_ptr<RocksStore> store;
  Persist(rig, [&]() -> Status {
    Result<std::unique_ptr<RocksStore>> opened = OpenRocksStore(rig.path, options);
    if (!opened) return opened.error();
    store = std::move(opened).value();
    return {};
  });
  return store;
}

bool Advance(Rig& rig, Store& store, std::size_t count) {
  const auto turn = PeriodTurn(store);
  return Persist(rig,
                 [&] { return store.Advance(NextBatch(store, count), turn.first, turn.second); });
}

// Everything that a daemon does with a store. False when the disk failed for good.
bool Work(Rig& rig) {
  for (int opening = 0; opening < 2; ++opening) {
    std::unique_ptr<RocksStore> store = Open(rig);
    if (!store) return false;
    for (int i = 0; i < 2; ++i) {
      if (!Persist(rig, [&] { return store->Append(NextBatch(*store, 20)); })) return false;
      rig.appended += 20;
    }
    if (!Advance(rig, *store, 5)) return false;
    rig.appended += 5;
    rig.synced = rig.appended;
    rig.periods += 1;
    if (!Persist(rig, [&] { return store->AddGap({"/x", 1, 2, "a test"}); })) return false;
    rig.gaps += 1;
    if (!Persist(rig, [&] { return store->Append(NextBatch(*store, 7)); })) return false;
    rig.appended += 7;
    if (!Persist(rig, [&] { return store->Sync(); })) return false;
    rig.synced = rig.appended;
    if (!Persist(rig, [&] { return store->Append(NextBatch(*store, 3)); })) return false;
    rig.appended += 3;
    if (!Persist(rig, [&] { return store->InternVolume({"ext4", std::to_string(opening)}); })) {
      return false;
    }
    // A drop may be refused after it was written, and is not asked for again then.
    if (opening == 1) Persist(rig, [&] { return store->DropPeriodsBefore(PeriodId(2)); });
  }
  return true;
}

// The fault is gone: what was promised is there, and only what was stored.
void CheckPromises(Rig& rig, std::uint64_t records) {
  rig.disk->FailAt(0, Fault::kOnce);
  std::unique_ptr<RocksStore> store = OpenStore(rig.path);
  CHECK(store->next_sequence().value > records);
  std::vector<PeriodInfo> periods = store->Periods();
  CHECK(periods.back().id.value >= rig.periods);
  std::uint64_t gaps = 0;
  for (const PeriodInfo& period : periods) gaps += period.gaps.size();
  CHECK(gaps >= rig.gaps);
  std::vector<Record> found = ScanAll(*store, Everything());
  CHECK(found.size() + periods.front().first_sequence.value == store->next_sequence().value);
  for (const Record& record : found) {
    REQUIRE(record == MakeRecord(record.period, record.sequence));
  }
  AppendRecords(*store, 10);
  AdvanceStore(*store, 10);
}

void FaultLoop(Fault fault, FaultyFileSystem::Kind kind, bool power_loss) {
  bool failed = true;
  std::uint64_t n = 1;
  for (; failed; ++n) {
    CAPTURE(n);
    Rig rig;
    rig.disk->FailAt(n, fault, kind);
    bool worked = Work(rig);
    failed = rig.disk->failed();
    if (fault == Fault::kOnce || !failed) REQUIRE(worked);
    if (power_loss) rig.disk->DropUnsynced();
    CheckPromises(rig, power_loss ? rig.synced : rig.appended);
    REQUIRE(n < 5'000);
  }
  // Or the seam would not be one.
  CHECK(n > 100);
}

TEST_CASE(
    "faults: a disk that is full for a moment costs at most a repetition, power loss or not") {
  FaultLoop(Fault::kOnce, FaultyFileSystem::Kind::kFull, true);
}

TEST_CASE("faults: a disk that errs once costs at most a repetition") {
  FaultLoop(Fault::kOnce, FaultyFileSystem::Kind::kBroken, false);
}

TEST_CASE("faults: a disk that fails for good") {
  FaultLoop(Fault::kForever, FaultyFileSystem::Kind::kBroken, false);
}

TEST_CASE("faults: power is lost at the n-th operation, and what was not synced with it") {
  FaultLoop(Fault::kForever, FaultyFileSystem::Kind::kBroken, true);
}

}  // namespace
}  // namespace cj
