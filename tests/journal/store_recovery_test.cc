// After a disk has failed: what the store says, when it tries again, and what it takes back.
#include <rocksdb/env.h>

#include <atomic>
#include <thread>
#include <vector>

#include "fixture.h"
#include "journal/database_keeper.h"
#include "tests/support/faulty_file_system.h"

namespace cj {
namespace {

using Fault = FaultyFileSystem::Fault;

// A store of ten records on a disk that can fail.
struct Rig {
  Rig() {
    RocksStoreOptions options;
    options.env = env.get();
    options.clock = &clock;
    store = OpenStore(path, options);
    AppendRecords(*store, 10);
  }
  bool AppendOne() { return store->Append(NextBatch(*store, 1)).has_value(); }

  ScratchDirectory scratch{ScratchDirectory::Medium::kMemory};
  ManualClock clock;
  std::shared_ptr<FaultyFileSystem> disk = std::make_shared<FaultyFileSystem>();
  std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(disk);
  std::string path = scratch / "journal";
  std::unique_ptr<RocksStore> store;
};

TEST_CASE("recovery: errors last as long as the disk is full, reading goes on, then all is well") {
  Rig rig;
  rig.disk->FailAt(1, Fault::kForever, FaultyFileSystem::Kind::kFull);
  for (int i = 0; i < 5; ++i) {
    Error error = FailureOf(rig.store->Append(NextBatch(*rig.store, 10)));
    CHECK(error.code == ErrorCode::kLimit);
    CHECK(error.message.find(rig.path) != std::string::npos);
    CHECK(rig.store->next_sequence() == SequenceNumber(11));
    CHECK(ScanAll(*rig.store, Everything()).size() == 10);
    rig.clock.Advance(kReopenIntervalMostUsec);
  }
  rig.disk->FailAt(0, Fault::kOnce);
  AppendRecords(*rig.store, 10);
  AdvanceStore(*rig.store, 10);
  rig.store.reset();
  CHECK(ScanAll(*OpenStore(rig.path), Everything()).size() == 30);
}

Status PutConsumer(Store& store, std::uint64_t handled, bool sync) {
  auto put = [&](std::optional<Consumer>* place) -> Status {
    Consumer consumer;
    consumer.name = "c";
    consumer.period = PeriodId(1);
    consumer.handled = SequenceNumber(handled);
    *place = consumer;
    return {};
  };
  return store.EditConsumer("c", put, sync);
}

TEST_CASE("recovery: a consumer's position that was refused is not there") {
  Rig rig;
  const bool known = GENERATE(false, true);
  if (known) REQUIRE(PutConsumer(*rig.store, 3, true).has_value());
  rig.disk->FailAt(2, Fault::kOnce);  // its sync: the position is in the log then
  REQUIRE_FALSE(PutConsumer(*rig.store, 7, true).has_value());
  CHECK(rig.store->FindConsumer("c").has_value() == known);
  REQUIRE(rig.AppendOne());  // opens it again
  rig.store.reset();
  const auto found = OpenStore(rig.path)->FindConsumer("c");
  REQUIRE(found.has_value() == known);
  if (known) CHECK(found->handled == SequenceNumber(3));
}

TEST_CASE("recovery: periods that could not be dropped are no quiet ones") {
  Rig rig;
  AdvanceStore(*rig.store, 0);  // 1, with ten records
  AdvanceStore(*rig.store, 0);  // 2, quiet
  REQUIRE(rig.store->DropPeriodsBefore(PeriodId(2)).has_value());
  AdvanceStore(*rig.store, 5);        // 3
  rig.disk->FailAt(1, Fault::kOnce);  // nothing of it reaches the disk
  REQUIRE_FALSE(rig.store->DropPeriodsBefore(PeriodId(4)).has_value());
  for (int time = 0; time < 2; ++time) {
    CHECK(rig.store->Ends().oldest.id == PeriodId(2));
    CHECK(rig.store->Ends().quiet_since == PeriodId(2));
    ScanRange all = Everything();
    all.from = PeriodId(2);
    CHECK(ScanAll(*rig.store, all).size() >= 5);
    REQUIRE(rig.AppendOne());  // opens it again
  }
  REQUIRE(rig.store->DropPeriodsBefore(PeriodId(3)).has_value());
  CHECK(rig.store->Ends().quiet_since == PeriodId(2));
  rig.disk->FailAt(2, Fault::kOnce);  // its sync: it is in the log, and done when that is read
  REQUIRE_FALSE(rig.store->DropPeriodsBefore(PeriodId(4)).has_value());
  CHECK(rig.store->Ends().quiet_since == PeriodId(2));
  REQUIRE(rig.AppendOne());
  CHECK(rig.store->Ends().oldest.id == PeriodId(4));
  CHECK(rig.store->Ends().quiet_since == PeriodId(4));
}

TEST_CASE("recovery: what a refused write has left is not there, and another may take its place") {
  Rig rig;
  PeriodInfo sealed = rig.store->Periods().back();
  sealed.end_usec = sealed.start_usec + 1;
  PeriodInfo opened;
  opened.id = sealed.id.Next();
  // The write of a synced batch is one operation, its sync the next: the batch is in the log then.
  rig.disk->FailAt(2, Fault::kOnce);
  REQUIRE_FALSE(rig.store->Advance(NextBatch(*rig.store, 7), sealed, opened).has_value());
  CHECK(rig.disk->failed());
  SECTION("another batch") {
    AppendRecords(*rig.store, 3);
    CHECK(rig.store->Periods().size() == 1);
    CHECK(ScanAll(*rig.store, Everything()).size() == 13);
    rig.store.reset();
    CHECK(ScanAll(*OpenStore(rig.path), Everything()).size() == 13);
    CHECK(OpenStore(rig.path)->Periods().size() == 1);
  }
  SECTION("the same again") {
    AdvanceStore(*rig.store, 7);
    AppendRecords(*rig.store, 1);
    rig.store.reset();
    CHECK(ScanAll(*OpenStore(rig.path), Everything()).size() == 18);
    CHECK(OpenStore(rig.path)->Periods().size() == 2);
  }
  SECTION("nothing: a crash may leave it, and then whole") {
    rig.store.reset();
    std::unique_ptr<RocksStore> again = OpenStore(rig.path);
    std::size_t found = ScanAll(*again, Everything()).size();
    CHECK(found == (again->Periods().size() == 1 ? 10 : 17));
  }
}

TEST_CASE("recovery: with the records that are taken back goes how far the spool was stored") {
  for (const bool had_one : {false, true}) {
    CAPTURE(had_one);
    Rig rig;
    Batch before = NextBatch(*rig.store, 1);
    if (had_one) before.spool = SpoolPosition{9, 3, 30};
    REQUIRE(rig.store->Append(before).has_value());
    PeriodInfo sealed = rig.store->Periods().back();
    sealed.end_usec = sealed.start_usec + 1;
    PeriodInfo opened;
    opened.id = sealed.id.Next();
    Batch refused = NextBatch(*rig.store, 7);
    refused.spool = SpoolPosition{9, 5, 50};
    rig.disk->FailAt(2, Fault::kOnce);
    REQUIRE_FALSE(rig.store->Advance(refused, sealed, opened).has_value());
    // Whoever comes first takes it back: here it is not the one who stores events.
    REQUIRE(rig.store->AddLinkNames({{VolumeId(1), HandleNumber(5), HandleNumber(2), "a"}}));
    rig.store.reset();
    auto again = OpenStore(rig.path);
    CHECK(ScanAll(*again, Everything()).size() == 11);
    CHECK(again->spool_position() == (had_one ? SpoolPosition{9, 3, 30} : SpoolPosition()));
  }
}

TEST_CASE("recovery: a gap that was refused is not there") {
  Rig rig;
  rig.disk->FailAt(2, Fault::kOnce);
  REQUIRE_FALSE(rig.store->AddGap({"/x", 1, 2, "a test"}).has_value());
  AppendRecords(*rig.store, 1);
  rig.store.reset();
  CHECK(OpenStore(rig.path)->Periods().back().gaps.empty());
}

TEST_CASE("recovery: a number that a refused write gave to a volume is not given again") {
  Rig rig;
  rig.disk->FailAt(2, Fault::kOnce);
  REQUIRE_FALSE(rig.store->InternVolume({"ext4", "a"}).has_value());
  VolumeId b = rig.store->InternVolume({"ext4", "b"}).value();
  VolumeId a = rig.store->InternVolume({"ext4", "a"}).value();
  CHECK(a != b);
  rig.store.reset();
  auto store = OpenStore(rig.path);
  CHECK(store->InternVolume({"ext4", "a"}).value() == a);
  CHECK(store->InternVolume({"ext4", "b"}).value() == b);
}

TEST_CASE("recovery: attempts are spaced, wider each time up to a bound") {
  Rig rig;
  rig.disk->FailAt(1, Fault::kForever);
  REQUIRE_FALSE(rig.AppendOne());
  REQUIRE_FALSE(rig.AppendOne());  // the first attempt, at once
  std::int64_t interval = kReopenIntervalUsec;
  for (int i = 0; i < 8; ++i) {
    CAPTURE(i, interval);
    rig.disk->FailAt(1, Fault::kForever);
    rig.clock.Advance(interval - 1);
    CHECK_FALSE(rig.AppendOne());
    CHECK_FALSE(rig.disk->failed());  // not even tried
    rig.clock.Advance(1);
    CHECK_FALSE(rig.AppendOne());
    CHECK(rig.disk->failed());
    interval = std::min(2 * interval, kReopenIntervalMostUsec);
  }
  rig.disk->FailAt(0, Fault::kOnce);
  rig.clock.Advance(kReopenIntervalMostUsec);
  CHECK(rig.AppendOne());
  CHECK(ScanAll(*rig.store, Everything()).size() == 11);
}

TEST_CASE("recovery: a cursor is cut off when the database is replaced, and says so") {
  Rig rig;
  auto cursor = std::move(rig.store->Scan(Everything())).value();
  Record record;
  REQUIRE(cursor->Next(&record).value());
  rig.disk->FailAt(1, Fault::kOnce);
  REQUIRE_FALSE(rig.AppendOne());
  CHECK(cursor->Next(&record).value());
  CHECK(rig.AppendOne());
  CHECK(FailureOf(cursor->Next(&record)).code == ErrorCode::kBusy);
  CHECK(ScanAll(*rig.store, Everything()).size() == 11);
}

TEST_CASE("recovery: a cursor that outlives its store says so") {
  Rig rig;
  auto cursor = std::move(rig.store->Scan(Everything())).value();
  rig.store.reset();
  Record record;
  CHECK(FailureOf(cursor->Next(&record)).code == ErrorCode::kBusy);
}

TEST_CASE("recovery: a crawl whose findings went with the disk fills nothing") {
  Rig rig;
  const Gap gap{"", 1, 2, "nobody listened"};
  Gap filled = gap;
  filled.filled_in = PeriodId(1);
  const std::vector<GapFill> fills = {{PeriodId(1), gap, {filled}}};
  REQUIRE(rig.store->AddGap(gap).has_value());
  AppendRecords(*rig.store, 5);  // what it found, not synced
  rig.disk->FailAt(1, Fault::kForever);
  REQUIRE_FALSE(rig.store->Sync().has_value());
  rig.disk->DropUnsynced();
  rig.disk->FailAt(0, Fault::kOnce);
  rig.clock.Advance(kReopenIntervalMostUsec);
  SECTION("it is complete") {
    CHECK(FailureOf(rig.store->FillGaps(fills, 0)).code == ErrorCode::kIo);
  }
  SECTION("it goes on") {
    CHECK(FailureOf(rig.store->KeepCrawlNote("half way", 0)).code == ErrorCode::kIo);
    CHECK(rig.store->CrawlNote().value().empty());
  }
  CHECK(rig.store->losses() == 1);
  CHECK_FALSE(rig.store->Periods().at(0).gaps.at(0).filled());
  REQUIRE(rig.store->FillGaps(fills, 1).has_value());  // a crawl that began after that
  CHECK(rig.store->Periods().at(0).gaps.at(0).filled());
}

TEST_CASE("recovery: records that went with the disk are a gap, of whichever write finds it") {
  Rig rig;
  AdvanceStore(*rig.store, 10);
  AppendRecords(*rig.store, 5);  // not synced
  const std::uint64_t next = rig.store->next_sequence().value;
  rig.disk->FailAt(1, Fault::kForever);
  REQUIRE_FALSE(rig.AppendOne());
  rig.disk->DropUnsynced();
  rig.disk->FailAt(0, Fault::kOnce);
  rig.clock.Advance(kReopenIntervalMostUsec);
  CHECK(rig.store->losses() == 0);
  constexpr std::size_t period = 1;
  SECTION("a batch") { REQUIRE(rig.AppendOne()); }
  SECTION("a gap") { REQUIRE(rig.store->AddGap({"/v", 1, 2, "another"}).has_value()); }
  SECTION("the end of the period") {
    AdvanceStore(*rig.store, 1);
    CHECK(rig.store->Periods().back().gaps.empty());
  }
  CHECK(rig.store->losses() == 1);
  CHECK(rig.store->next_sequence().value >= next);
  AppendRecords(*rig.store, 1);
  REQUIRE(rig.store->Sync().has_value());
  const auto before = rig.store->Periods();
  rig.store.reset();
  auto again = OpenStore(rig.path);
  const auto periods = again->Periods();
  REQUIRE_FALSE(periods.at(period).gaps.empty());
  CHECK(periods.at(period).gaps[0].cause ==
        "records that had just been stored are gone after an error of the disk");
  CHECK(periods.at(period).gaps[0].from_usec == periods.at(period).start_usec);
  CHECK(periods.at(period).gaps == before.at(period).gaps);
  CHECK(again->next_sequence().value > next);
  CHECK(again->losses() == 0);
  // Ten and ten that were synced, and what came after.
  CHECK(ScanAll(*again, Everything()).size() == 20 + again->next_sequence().value - next);
}

// How many records a scan of everything gives; nothing where it is refused, or ends with an error.
std::optional<std::size_t> CountRecords(const RocksStore& store) {
  auto cursor = store.Scan(Everything());
  if (!cursor.has_value()) return std::nullopt;
  Record record;
  for (std::size_t count = 0;; ++count) {
    auto more = (*cursor)->Next(&record);
    if (!more.has_value()) return std::nullopt;
    if (!*more) return count;
  }
}

TEST_CASE("recovery: a disk that fails again while the loss is noted hides nothing") {
  bool failed = true;
  for (std::uint64_t n = 1; failed; ++n) {
    CAPTURE(n);
    Rig rig;
    AdvanceStore(*rig.store, 10);
    REQUIRE(rig.store->AddGap({"/v", 1, 2, "another"}).has_value());
    AppendRecords(*rig.store, 5);  // not synced
    const std::size_t all = CountRecords(*rig.store).value();
    rig.disk->FailAt(1, Fault::kForever);
    REQUIRE_FALSE(rig.AppendOne());
    rig.disk->DropUnsynced();
    rig.disk->FailAt(n, Fault::kOnce);
    for (int tries = 0; tries < 3 && rig.store->losses() == 0; ++tries) {
      rig.clock.Advance(kReopenIntervalMostUsec);
      (void)rig.AppendOne();
      // A short scan without anybody having been told.
      if (rig.store->losses() == 0) CHECK(CountRecords(*rig.store).value_or(all) >= all);
    }
    failed = rig.disk->failed();
    rig.disk->FailAt(0, Fault::kOnce);
    CHECK(rig.store->losses() == 1);
    CHECK(rig.store->Periods().back().gaps.size() == 2);
    rig.clock.Advance(kReopenIntervalMostUsec);
    REQUIRE(rig.AppendOne());
    REQUIRE(rig.store->Sync().has_value());
    rig.store.reset();
    CHECK(OpenStore(rig.path)->Periods().back().gaps.size() == 2);
  }
}

TEST_CASE("recovery: those who ask without a pause do not keep the disk from coming back") {
  Rig rig;
  std::atomic<bool> enough = false;
  std::vector<std::thread> askers;
  for (int i = 0; i < 4; ++i) {
    askers.emplace_back([&] {
      while (!enough) (void)rig.store->FindLinkNames(VolumeId(1), FileHandle()).has_value();
    });
  }
  int attempts = 0;
  for (int round = 0; round < 5; ++round) {
    rig.disk->FailAt(1, Fault::kForever, FaultyFileSystem::Kind::kFull);
    CHECK_FALSE(rig.AppendOne());
    rig.disk->FailAt(0, Fault::kOnce);
    for (bool stored = false; !stored && attempts < 100; ++attempts) {
      rig.clock.Advance(kReopenIntervalMostUsec);
      stored = rig.AppendOne();
    }
  }
  enough = true;
  for (std::thread& asker : askers) asker.join();
  // Mostly 5; who asks and is kept from running for seconds while he holds the database costs one.
  CHECK(attempts < 20);
}

}  // namespace
}  // namespace cj
