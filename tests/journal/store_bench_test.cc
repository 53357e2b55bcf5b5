// Not a test: `test_store "[.bench]"` prints how fast records are appended and how much disk each
// one takes, for work that looks real: directories of files that are created, written, renamed.
#include <chrono>
#include <cstdio>
#include <functional>

#include "base/bytes.h"
#include "fixture.h"
#include "journal/record_row.h"

namespace cj {
namespace {

using Seconds = std::chrono::duration<double>;

// An ext4 handle: inode and generation, machine order.
FileHandle Ext4Handle(std::uint32_t inode, std::uint32_t generation) {
  FileHandle handle;
  handle.encoded.push_back(1);
  for (std::uint32_t value : {inode, generation}) {
    for (int shift = 0; shift < 32; shift += 8) {
      handle.encoded.push_back(static_cast<char>(value >> shift));
    }
  }
  return handle;
}

// Files with names of some twenty bytes and random generations, in directories of a hundred, each
// created, then closed after writing, every fourth then renamed.
class Workload {
 public:
  Record Next(PeriodId period, SequenceNumber sequence) {
    Record record;
    record.period = period;
    record.sequence = sequence;
    time_usec_ += static_cast<std::int64_t>(random_.Below(200));
    record.time_usec = time_usec_;
    record.volume = VolumeId(1);
    record.pid = 20'000 + static_cast<std::int32_t>(file_ / 1'000);
    if (step_ == 0) {
      object_ =
          Ext4Handle(1'000'000 + file_, static_cast<std::uint32_t>(random_.Below(1ULL << 32)));
      name_ = "module-" + std::to_string(random_.Below(100'000)) + "-source.cc";
      if (file_ % 100 == 0) {
        parent_ = Ext4Handle(500'000 + file_ / 100,
                             static_cast<std::uint32_t>(random_.Below(1ULL << 32)));
      }
    }
    record.object = object_;
    record.parent = parent_;
    record.name = name_;
    record.operations = step_ == 0 ? kCreated : step_ == 1 ? kModified | kClosedWrite : kRenamed;
    if (step_ == 2) {
      record.old_parent = parent_;
      record.old_name = name_ + ".tmp";
    }
    if (++step_ > (file_ % 4 == 0 ? 2 : 1)) {
      step_ = 0;
      ++file_;
    }
    return record;
  }

 private:
  RandomRecords random_{1};
  std::int64_t time_usec_ = 1'700'000'000'000'000;
  std::uint32_t file_ = 0;
  int step_ = 0;
  FileHandle object_, parent_;
  std::string name_;
};

// What a batch takes in the log and in memory: its rows, uncompressed.
std::size_t RowBytes(const Batch& batch, std::int64_t period_start_usec) {
  std::size_t bytes = 0;
  RowWriter row;
  row.Begin(period_start_usec);
  for (const Record& record : batch.records) {
    row.Add(record);
    if (!row.full() && &record != &batch.records.back()) continue;
    bytes += row.Head().size() + row.body().size();
    row.Begin(period_start_usec);
  }
  return bytes;
}

double SecondsOf(const std::function<void()>& work) {
  auto start = std::chrono::steady_clock::now();
  work();
  return Seconds(std::chrono::steady_clock::now() - start).count();
}

TEST_CASE("bench: append, scan, size on disk", "[.bench]") {
  constexpr std::size_t kRecords = 2'000'000;
  constexpr std::size_t kBatch = 512;
  ScratchDirectory scratch;
  auto store = OpenStore(scratch / "journal");
  Workload workload;
  double appending = 0;
  std::size_t stored = 0;
  std::size_t row_bytes = 0;
  const std::int64_t period_start_usec = store->Periods().back().start_usec;
  while (stored < kRecords) {
    Batch batch;
    batch.period = PeriodId(1);
    SequenceNumber sequence = store->next_sequence();
    for (std::size_t i = 0; i < kBatch; ++i, sequence = sequence.Next()) {
      batch.records.push_back(workload.Next(batch.period, sequence));
    }
    appending += SecondsOf([&] { REQUIRE(store->Append(batch).has_value()); });
    stored += kBatch;
    row_bytes += RowBytes(batch, period_start_usec);
  }
  double advancing = SecondsOf([&] { AdvanceStore(*store); });
  auto per_record = [&] {
    return static_cast<double>(store->ApproximateSize(PeriodId(1), PeriodId(2))) /
           static_cast<double>(stored);
  };
  std::printf(
      "append: %.0f records/s\nadvance: %.2f ms\nbytes per record before compaction: %.1f\n",
      static_cast<double>(stored) / appending, advancing * 1e3, per_record());
  std::printf("bytes per record before compression: %.1f\n",
              static_cast<double>(row_bytes) / static_cast<double>(stored));
  double compacting = SecondsOf([&] { REQUIRE(store->Compact().has_value()); });
  std::printf("bytes per record after compaction: %.1f (%.1f s)\n", per_record(), compacting);
  for (bool reverse : {false, true}) {
    std::size_t seen = 0;
    double scanning = SecondsOf([&] {
      auto cursor = std::move(store->Scan({PeriodId(1), PeriodId(2), {}, reverse})).value();
      Record record;
      while (cursor->Next(&record).value()) ++seen;
    });
    CHECK(seen == stored);
    std::printf("scan %s: %.0f records/s\n", reverse ? "reverse" : "forward",
                static_cast<double>(seen) / scanning);
  }
  std::uint64_t before = store->DiskUsage().value();
  double dropping = SecondsOf([&] { REQUIRE(store->DropPeriodsBefore(PeriodId(2)).has_value()); });
  std::printf("drop: %.1f ms, disk %.1f MB before, %.1f after\n", dropping * 1e3,
              static_cast<double>(before) / 1e6,
              static_cast<double>(store->DiskUsage().value()) / 1e6);
  store.reset();
  std::printf("open: %.1f ms\n", SecondsOf([&] { store = OpenStore(scratch / "journal"); }) * 1e3);
}

}  // namespace
}  // namespace cj
