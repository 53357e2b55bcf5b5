// Appending, advancing, and what is there after the process or its state is gone.
#include <sys/stat.h>

#include "fixture.h"

namespace cj {
namespace {

TEST_CASE("store: a batch that is emptied is as new, and keeps the memory of an ordinary one") {
  for (const std::size_t size : {Batch::kKept, Batch::kKept * 4}) {
    CAPTURE(size);
    Batch batch;
    batch.period = PeriodId(1);
    batch.spool = SpoolPosition{1, 2, 3};
    batch.records.resize(size);
    batch.link_names.resize(size);
    batch.dead_directories.resize(size);
    batch.Clear();
    CHECK(batch.empty());
    CHECK(batch.period == PeriodId());
    CHECK_FALSE(batch.spool.has_value());
    CHECK(batch.records.capacity() == (size == Batch::kKept ? size : 0));
    CHECK(batch.link_names.capacity() <= Batch::kKept);
    CHECK(batch.dead_directories.capacity() <= Batch::kKept);
  }
}

TEST_CASE("store: a new journal has an open period 1, an id, and a directory of its own") {
  ScratchDirectory scratch;
  ManualClock clock;
  RocksStoreOptions options;
  options.clock = &clock;
  auto store = OpenStore(scratch / "journal", options);
  std::vector<PeriodInfo> periods = store->Periods();
  REQUIRE(periods.size() == 1);
  CHECK(periods[0].id == PeriodId(1));
  CHECK(periods[0].open());
  CHECK(periods[0].start_usec == clock.realtime_usec);
  CHECK(periods[0].first_sequence == SequenceNumber(1));
  CHECK(store->next_sequence() == SequenceNumber(1));
  CHECK(ScanAll(*store, Everything()).empty());
  auto other = OpenStore(scratch / "other");
  CHECK(store->journal_id() != other->journal_id());

  struct stat state {};
  REQUIRE(stat((scratch / "journal").c_str(), &state) == 0);
  CHECK((state.st_mode & 07777) == 0700);
}

TEST_CASE("store: what was stored is there after closing and opening") {
  ScratchDirectory scratch;
  auto store = OpenStore(scratch / "journal");
  JournalId id = store->journal_id();
  AppendRecords(*store, 10);
  AdvanceStore(*store, 5);
  AppendRecords(*store, 3);
  Gap gap{"/srv", 1, 2, "a test"};
  REQUIRE(store->AddGap(gap).has_value());
  AppendRecords(*store, 4);
  std::vector<PeriodInfo> periods = store->Periods();
  std::vector<Record> records = ScanAll(*store, Everything());
  REQUIRE(records.size() == 22);
  store.reset();

  store = OpenStore(scratch / "journal");
  CHECK(store->journal_id() == id);
  CHECK(store->Periods() == periods);
  CHECK(store->next_sequence() == SequenceNumber(23));
  CHECK(ScanAll(*store, Everything()) == records);
  REQUIRE(periods.size() == 2);
  CHECK(periods[0].record_count == 15);
  CHECK(periods[0].label.empty());
  CHECK(periods[1].record_count == 7);
  CHECK(periods[1].first_sequence == SequenceNumber(16));
  CHECK(periods[1].gaps == std::vector<Gap>{gap});
}

TEST_CASE("store: advancing stores the caller's words and counts by itself") {
  ScratchDirectory scratch;
  auto store = OpenStore(scratch / "journal");
  AppendRecords(*store, 2);
  PeriodInfo sealed = store->Periods().back();
  sealed.end_usec = sealed.start_usec + 1;
  sealed.gaps = {{"", 3, 4, "the queue overflowed"}};
  sealed.record_count = 999;
  PeriodInfo opened;
  opened.id = PeriodId(2);
  opened.start_usec = sealed.end_usec;
  opened.label = "nightly";
  opened.first_sequence = SequenceNumber(777);
  opened.gaps = {{"/x", 5, 6, "unmounted"}};
  REQUIRE(store->Advance({}, sealed, opened).has_value());
  store.reset();
  store = OpenStore(scratch / "journal");
  std::vector<PeriodInfo> periods = store->Periods();
  REQUIRE(periods.size() == 2);
  CHECK(periods[0].gaps == sealed.gaps);
  CHECK(periods[0].record_count == 2);
  CHECK(periods[0].end_usec == sealed.end_usec);
  CHECK(periods[1].label == "nightly");
  CHECK(periods[1].gaps == opened.gaps);
  CHECK(periods[1].first_sequence == SequenceNumber(3));
}

TEST_CASE("store: gaps are filled in the period that is open, and stay so") {
  ScratchDirectory scratch;
  auto store = OpenStore(scratch / "journal");
  const Gap gap{"", 3, 4, "the queue overflowed"};
  REQUIRE(store->AddGap(gap).has_value());
  AdvanceStore(*store, 2);
  REQUIRE(store->AddGap(gap).has_value());
  AdvanceStore(*store, 1);
  REQUIRE(store->KeepCrawlNote("half way", 0).has_value());
  CHECK(store->CrawlNote().value() == "half way");
  Gap filled = gap;
  filled.filled_in = PeriodId(1);
  Gap grown = gap;
  grown.to_usec = 3;
  REQUIRE(store->FillGaps({{PeriodId(1), gap, {filled}}, {PeriodId(2), grown, {filled}}}, 0)
              .has_value());
  for (int round = 0; round < 2; ++round) {
    const std::vector<PeriodInfo> periods = store->Periods();
    REQUIRE(periods.size() == 3);
    REQUIRE(periods[0].gaps.size() == 1);
    CHECK(periods[0].gaps[0].filled_in == PeriodId(3));
    CHECK(periods[0].record_count == 2);
    CHECK(periods[1].gaps == std::vector<Gap>{gap});  // it was not as the crawl had seen it
    CHECK(store->CrawlNote().value().empty());
    CHECK(ScanAll(*store, Everything()).size() == 3);
    store.reset();
    store = OpenStore(scratch / "journal");
  }
  REQUIRE(store->KeepCrawlNote("again", 0).has_value());
  REQUIRE(store->KeepCrawlNote("", 0).has_value());
  CHECK(store->CrawlNote().value().empty());
}

TEST_CASE("store: a copy taken at any moment opens as far as it was appended") {
  // The files as a killed process leaves them: nothing was closed.
  ScratchDirectory scratch;
  auto store = OpenStore(scratch / "journal");
  for (int round = 0; round < 5; ++round) {
    AppendRecords(*store, 100);
    if (round % 2 == 1) AdvanceStore(*store, 1);
    std::string copy = scratch / ("copy-" + std::to_string(round));
    std::filesystem::copy(scratch / "journal", copy);
    auto reopened = OpenStore(copy);
    CAPTURE(round);
    CHECK(reopened->Periods() == store->Periods());
    CHECK(reopened->next_sequence() == store->next_sequence());
    CHECK(ScanAll(*reopened, Everything()) == ScanAll(*store, Everything()));
  }
}

TEST_CASE("store: numbers go on after all records have been dropped and the store reopened") {
  ScratchDirectory scratch;
  auto store = OpenStore(scratch / "journal");
  AdvanceStore(*store, 50);
  REQUIRE(store->DropPeriodsBefore(PeriodId(2)).has_value());
  store.reset();
  store = OpenStore(scratch / "journal");
  CHECK(store->next_sequence() == SequenceNumber(51));
  AppendRecords(*store, 1);
  std::vector<Record> records = ScanAll(*store, Everything());
  REQUIRE(records.size() == 1);
  CHECK(records[0].sequence == SequenceNumber(51));
}

TEST_CASE("store: an empty batch is no write; batches without records move no number") {
  ScratchDirectory scratch;
  auto store = OpenStore(scratch / "journal");
  REQUIRE(store->Append({}).has_value());
  Batch batch;
  batch.period = PeriodId(1);
  batch.link_names = {{VolumeId(1), HandleNumber(1), HandleNumber(2), "a"}};
  batch.dead_directories = {{VolumeId(1), HandleNumber(3), HandleNumber(2), "gone", PeriodId(1)}};
  REQUIRE(store->Append(batch).has_value());
  CHECK(store->next_sequence() == SequenceNumber(1));
  CHECK(store->FindLinkNames(VolumeId(1), HandleNumber(1)).value() == batch.link_names);
  CHECK(store->FindDeadDirectory(VolumeId(1), HandleNumber(3)).value() ==
        batch.dead_directories[0]);
  REQUIRE(store->Sync().has_value());
}

}  // namespace
}  // namespace cj
