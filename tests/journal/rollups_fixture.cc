#include "rollups_fixture.h"

#include "fixture.h"
#include "journal/keys.h"
#include "raw_database.h"

namespace cj {

std::size_t RollUpAll(Store& store) {
  for (std::size_t made = 0;; ++made) {
    auto more = store.RollUp({});
    REQUIRE(more);
    if (!*more) return made;
  }
}

ScanRange Range(std::uint64_t from, std::uint64_t until, bool distinct) {
  ScanRange range;
  range.from = PeriodId(from);
  range.until = PeriodId(until);
  range.distinct = distinct;
  return range;
}

std::unique_ptr<RocksStore> StoreWithRollups(const std::string& path) {
  auto store = OpenStore(path);
  for (int period = 0; period < 20; ++period) {
    Batch batch;
    batch.period = store->OpenPeriod().id;
    batch.records.push_back(MakeRecord(batch.period, SequenceNumber(1)));
    batch.records.back().sequence = store->next_sequence();
    REQUIRE(store->Append(batch));
    AdvanceStore(*store);
  }
  CHECK(RollUpAll(*store) == 1);
  return store;
}

std::vector<RollupBlock> BlocksIn(const std::string& path, std::size_t* rows) {
  std::vector<RollupBlock> blocks;
  *rows = 0;
  ChangeRaw(path, [&](rocksdb::DB& db, const Handles& handles) {
    const auto column = handles[static_cast<std::size_t>(Column::kRollups)];
    std::unique_ptr<rocksdb::Iterator> it(db.NewIterator({}, column));
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      const std::string_view key(it->key().data(), it->key().size());
      auto block = ParseRollupStateKey(key);
      if (block) blocks.push_back(*block);
      if (!block) REQUIRE(ParseRollupKey(key));
      if (!block) ++*rows;
    }
    return it->status();
  });
  return blocks;
}

}  // namespace cj
