// Dropping periods: what goes, what stays, and that the disk gets its space back.
#include <chrono>
#include <thread>

#include "fixture.h"

namespace cj {
namespace {

// Tables are unlinked by RocksDB's threads just after they went out of use.
template <typename Condition>
bool Eventually(const Condition& condition) {
  auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (std::chrono::steady_clock::now() < deadline) {
    if (condition()) return true;
    std::this_thread::yield();
  }
  return false;
}

// Names that do not compress, so that sizes mean something.
void AppendBulk(Store& store, RandomRecords& random, std::size_t batches) {
  for (std::size_t i = 0; i < batches; ++i) {
    Batch batch = NextBatch(store, 512);
    for (Record& record : batch.records) {
      record.name = random.Bytes(0) + HandleNumber(random.Below(~0ULL)).encoded +
                    HandleNumber(random.Below(~0ULL)).encoded;
    }
    REQUIRE(store.Append(batch).has_value());
  }
}

TEST_CASE("drop: the periods, their records and no others go, for good") {
  ScratchDirectory scratch;
  auto store = OpenStore(scratch / "journal");
  for (int i = 0; i < 4; ++i) AdvanceStore(*store, 10);
  AppendRecords(*store, 10);
  CHECK(FailureOf(store->DropPeriodsBefore(PeriodId(6))).code == ErrorCode::kNotFound);
  CHECK(FailureOf(store->DropPeriodsBefore(PeriodId(0))).code == ErrorCode::kNotFound);
  CHECK(store->Periods().size() == 5);
  REQUIRE(store->DropPeriodsBefore(PeriodId(1)).has_value());
  CHECK(store->Periods().size() == 5);
  REQUIRE(store->DropPeriodsBefore(PeriodId(3)).has_value());
  for (int opening = 0; opening < 2; ++opening) {
    CHECK(store->Periods().front().id == PeriodId(3));
    std::vector<Record> records = ScanAll(*store, Everything());
    REQUIRE(records.size() == 30);
    CHECK(records.front().sequence == SequenceNumber(21));
    CHECK(FailureOf(store->DropPeriodsBefore(PeriodId(2))).code == ErrorCode::kNotFound);
    store.reset();
    store = OpenStore(scratch / "journal");
  }
  REQUIRE(store->DropPeriodsBefore(PeriodId(5)).has_value());
  CHECK(store->Periods().size() == 1);
  CHECK(ScanAll(*store, Everything()).size() == 10);
}

TEST_CASE("drop: the space comes back, and the rest does not grow by it") {
  ScratchDirectory scratch;
  auto store = OpenStore(scratch / "journal");
  RandomRecords random(TestSeed());
  constexpr std::size_t kBatches = 600;  // some 300,000 records: more than a memtable
  AppendBulk(*store, random, kBatches);
  AdvanceStore(*store);
  AppendBulk(*store, random, kBatches / 4);
  AdvanceStore(*store);
  // Tables are estimated well, memtables only roughly.
  REQUIRE(store->Compact().has_value());
  std::uint64_t first = store->ApproximateSize(PeriodId(1), PeriodId(2));
  std::uint64_t second = store->ApproximateSize(PeriodId(2), PeriodId(3));
  std::uint64_t both = store->ApproximateSize(PeriodId(1), PeriodId(3));
  CAPTURE(first, second, both);
  CHECK(first > 512 * kBatches * 20);
  CHECK(first < 512 * kBatches * 80);
  CHECK(second > first / 8);
  CHECK(second < first / 2);
  CHECK(both > first);
  CHECK(store->ApproximateSize(PeriodId(3), PeriodId(4)) < second / 10);

  std::uint64_t before = store->DiskUsage().value();
  REQUIRE(store->DropPeriodsBefore(PeriodId(2)).has_value());
  CHECK(Eventually([&] { return store->DiskUsage().value() + first / 2 < before; }));
  CHECK(store->ApproximateSize(PeriodId(1), PeriodId(2)) < first / 10);
  CHECK(ScanAll(*store, Everything()).size() == 512 * (kBatches / 4));
}

TEST_CASE("drop: space comes back from tables that were never compacted, too") {
  ScratchDirectory scratch;
  auto store = OpenStore(scratch / "journal");
  RandomRecords random(TestSeed());
  AppendBulk(*store, random, 300);
  AdvanceStore(*store);
  std::uint64_t size = store->ApproximateSize(PeriodId(1), PeriodId(2));
  REQUIRE(store->DropPeriodsBefore(PeriodId(2)).has_value());
  auto table_bytes = [&scratch] {
    std::uint64_t bytes = 0;
    for (const auto& [name, content] : Snapshot(scratch / "journal")) {
      if (name.ends_with(".sst")) bytes += content.size();
    }
    return bytes;
  };
  CHECK(Eventually([&] { return table_bytes() < size / 10; }));
}

}  // namespace
}  // namespace cj
