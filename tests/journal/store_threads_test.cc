// One writer, and everybody else at the same time. Worth most under ThreadSanitizer.
#include <rocksdb/env.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "fixture.h"
#include "tests/support/faulty_file_system.h"

namespace cj {
namespace {

// Catch2 counts on one thread only: threads note what went wrong, the test looks at the end.
class Complaints {
 public:
  void Add(const std::string& text) {
    std::lock_guard lock(mutex_);
    if (text_.empty()) text_ = text;
  }
  template <typename T>
  bool Failed(const T& result) {
    if (!result.has_value()) Add(result.error().message);
    return !result.has_value();
  }
  std::string text() {
    std::lock_guard lock(mutex_);
    return text_;
  }

 private:
  std::mutex mutex_;
  std::string text_;
};

constexpr int kBatches = 300;
constexpr std::size_t kBatchSize = 40;

void Write(Store& store, Complaints& complaints) {
  for (int i = 1; i <= kBatches; ++i) {
    Batch batch = NextBatch(store, kBatchSize);
    FileHandle directory = HandleNumber(static_cast<std::uint64_t>(i));
    batch.dead_directories = {{VolumeId(1), directory, {}, "gone", batch.period}};
    batch.link_names = {{VolumeId(1), directory, {}, "name"}};
    if (i % 10 != 0) {
      if (complaints.Failed(store.Append(batch))) return;
      continue;
    }
    const auto [sealed, opened] = PeriodTurn(store);
    if (complaints.Failed(store.Advance(batch, sealed, opened))) return;
    if (complaints.Failed(store.AddGap({"/x", 1, 2, "a test"}))) return;
    if (complaints.Failed(store.Sync())) return;
  }
}

// One scan: whole, in order, and no shorter than what was promised before it began.
void ScanOnce(const Store& store, bool reverse, Complaints& complaints) {
  SequenceNumber promised = store.next_sequence();
  ScanRange range = Everything();
  range.reverse = reverse;
  auto cursor = store.Scan(range);
  if (complaints.Failed(cursor)) return;
  Record record;
  std::uint64_t newest = 0;
  for (;;) {
    Result<bool> more = (*cursor)->Next(&record);
    if (complaints.Failed(more) || !*more) break;
    newest = std::max(newest, record.sequence.value);
    if (!(record == MakeRecord(record.period, record.sequence))) complaints.Add("another record");
  }
  if (newest != 0 && newest + 1 < promised.value) complaints.Add("a scan is short");
}

void Read(const Store& store, const std::atomic<bool>& stop, bool reverse, Complaints& complaints) {
  while (!stop.load()) {
    ScanOnce(store, reverse, complaints);
    complaints.Failed(store.FindDeadDirectory(VolumeId(1), HandleNumber(7)));
    complaints.Failed(store.FindLinkNames(VolumeId(1), HandleNumber(7)));
    complaints.Failed(store.DiskUsage());
    if (store.ApproximateSize(PeriodId(0), PeriodId(~0ULL)) == 0) complaints.Add("no size");
  }
}

void KeepHouse(Store& store, const std::atomic<bool>& stop, Complaints& complaints) {
  for (std::uint64_t i = 0; !stop.load(); ++i) {
    std::vector<PeriodInfo> periods = store.Periods();
    if (periods.size() > 5) {
      PeriodId oldest = periods[periods.size() - 4].id;
      complaints.Failed(store.DropPeriodsBefore(oldest));
      auto refused = store.Scan({periods.front().id, oldest, {}, false});
      if (refused.has_value()) complaints.Add("a dropped period was scanned");
    }
    complaints.Failed(store.InternVolume({"ext4", std::to_string(i % 50)}));
    complaints.Failed(store.AddLinkNames({{VolumeId(2), HandleNumber(i), {}, "name"}}));
  }
}

TEST_CASE("threads: one writer, readers both ways, a housekeeper") {
  ScratchDirectory scratch(ScratchDirectory::Medium::kMemory);
  auto store = OpenStore(scratch / "journal");
  AppendRecords(*store, 1);
  Complaints complaints;
  std::atomic<bool> stop = false;
  std::vector<std::thread> others;
  for (bool reverse : {false, true, false}) {
    others.emplace_back([&, reverse] { Read(*store, stop, reverse, complaints); });
  }
  others.emplace_back([&] { KeepHouse(*store, stop, complaints); });
  Write(*store, complaints);
  stop.store(true);
  for (std::thread& thread : others) thread.join();
  CHECK(complaints.text() == "");
  CHECK(store->next_sequence() == SequenceNumber(2 + kBatches * kBatchSize));
  CHECK(store->Periods().back().id == PeriodId(1 + kBatches / 10));
  store.reset();
  store = OpenStore(scratch / "journal");
  CHECK(store->next_sequence() == SequenceNumber(2 + kBatches * kBatchSize));
  std::vector<Record> records = ScanAll(*store, Everything());
  CHECK(records.size() + store->Periods().front().first_sequence.value ==
        store->next_sequence().value);
}

// Scans again and again while the database is replaced under the scans.
void ReadThrough(const Store& store, const std::atomic<bool>& stop, bool reverse,
                 Complaints& complaints) {
  ScanRange range = Everything();
  range.reverse = reverse;
  Record record;
  while (!stop.load()) {
    auto cursor = store.Scan(range);
    if (complaints.Failed(cursor)) return;
    Result<bool> more = (*cursor)->Next(&record);
    while (more.has_value() && *more) {
      if (!(record == MakeRecord(record.period, record.sequence))) complaints.Add("another record");
      more = (*cursor)->Next(&record);
    }
    if (!more.has_value() && more.error().code != ErrorCode::kBusy) complaints.Failed(more);
    complaints.Failed(store.FindLinkNames(VolumeId(1), HandleNumber(7)));
  }
}

TEST_CASE("threads: readers go on while a failing disk has the database opened again and again") {
  ScratchDirectory scratch(ScratchDirectory::Medium::kMemory);
  auto disk = std::make_shared<FaultyFileSystem>();
  std::unique_ptr<rocksdb::Env> env = rocksdb::NewCompositeEnv(disk);
  RocksStoreOptions options;
  options.env = env.get();
  auto store = OpenStore(scratch / "journal", options);
  AppendRecords(*store, 1);
  Complaints complaints;
  std::atomic<bool> stop = false;
  std::vector<std::thread> others;
  for (bool reverse : {false, true}) {
    others.emplace_back([&, reverse] { ReadThrough(*store, stop, reverse, complaints); });
  }
  constexpr std::size_t kRounds = 30;
  for (std::size_t i = 0; i < kRounds; ++i) {
    disk->FailAt(1 + i % 5, FaultyFileSystem::Fault::kOnce, FaultyFileSystem::Kind::kFull);
    // As long as it takes: a reader may have the database just now.
    while (!disk->failed()) {
      Status added = store->AddLinkNames({{VolumeId(1), HandleNumber(i), {}, "name"}});
      if (!added.has_value() && !disk->failed()) complaints.Failed(added);
    }
    Batch batch = NextBatch(*store, kBatchSize);
    while (!store->Append(batch).has_value()) std::this_thread::yield();
  }
  stop.store(true);
  for (std::thread& thread : others) thread.join();
  CHECK(complaints.text() == "");
  store.reset();
  CHECK(ScanAll(*OpenStore(scratch / "journal"), Everything()).size() == 1 + kRounds * kBatchSize);
}

// Distinct records of all that is kept, which grows and is dropped meanwhile.
void ReadDistinct(const Store& store, const std::atomic<bool>& stop, Complaints& complaints) {
  while (!stop.load()) {
    ScanRange range = Everything();
    range.from = PeriodId(store.OldestPeriod().id.value);
    range.distinct = true;
    auto cursor = store.Scan(range);
    if (!cursor.has_value() && cursor.error().code == ErrorCode::kRescanNeeded) continue;
    if (complaints.Failed(cursor)) return;
    Record record;
    SequenceNumber last;
    for (;;) {
      const Result<bool> more = (*cursor)->Next(&record);
      if (complaints.Failed(more) || !*more) break;
      if (record.sequence <= last) complaints.Add("a record out of order");
      last = record.sequence;
    }
  }
}

TEST_CASE("threads: periods are rolled up while others write, read and drop") {
  ScratchDirectory scratch(ScratchDirectory::Medium::kMemory);
  auto store = OpenStore(scratch / "journal");
  Complaints complaints;
  std::atomic<bool> stop = false;
  std::atomic<int> made = 0;
  std::vector<std::thread> others;
  for (int i = 0; i < 2; ++i) {
    others.emplace_back([&] { ReadDistinct(*store, stop, complaints); });
    others.emplace_back([&] {
      while (!stop.load()) {
        const auto more = store->RollUp([&] { return stop.load(); });
        // What was dropped meanwhile is no block any more.
        more.has_value() && *more ? void(++made) : std::this_thread::yield();
      }
    });
  }
  others.emplace_back([&] {
    while (!stop.load()) {
      const std::uint64_t newest = store->OpenPeriod().id.value;
      const std::uint64_t oldest = store->OldestPeriod().id.value;
      if (newest - oldest > 60) complaints.Failed(store->DropPeriodsBefore(PeriodId(newest - 40)));
      std::this_thread::yield();
    }
  });
  while (store->OpenPeriod().id < PeriodId(300) || made < 20) {
    Batch batch = NextBatch(*store, 3);
    for (Record& record : batch.records) record.object = HandleNumber(1);
    for (Record& record : batch.records) record.name = "name";
    const auto [sealed, opened] = PeriodTurn(*store);
    if (complaints.Failed(store->Advance(batch, sealed, opened))) break;
  }
  stop.store(true);
  for (std::thread& thread : others) thread.join();
  CHECK(complaints.text() == "");
}

}  // namespace
}  // namespace cj
