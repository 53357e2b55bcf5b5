// The part of RocksStore that makes rollups.
#include <rocksdb/write_batch.h>

#include "journal/database_keeper.h"
#include "journal/keys.h"
#include "journal/record_codec.h"
#include "journal/rocks_cursor.h"
#include "journal/rocks_database.h"
#include "journal/rocks_status.h"
#include "journal/rocks_store.h"
#include "journal/rollup.h"

namespace cj {
namespace {

// What a scan takes for a part, beside its records, in records.
constexpr std::uint64_t kPartCost = 4;
// A rollup costs a scan no more than a half of what it stands for: then all rollups together take
// no more space than the records.
constexpr std::uint64_t kLeastGain = 2;
constexpr std::uint64_t kCancelInterval = 4096;

bool IsWorthIt(std::uint64_t records, std::uint64_t cost) {
  return (records + kPartCost) * kLeastGain <= cost;
}

}  // namespace

struct RocksStore::RollupWork {
  RollupBlock block;
  std::int64_t start_usec = 0;
  bool gaps = false;       // in some of its periods
  std::uint64_t cost = 0;  // of what a scan reads without it
  bool too_large = false;  // as is known without reading
};

std::uint64_t RocksStore::CostOf(const std::vector<ScanPart>& parts) const {
  std::uint64_t cost = 0;
  for (const ScanPart& part : parts) {
    if (part.level > 0) {
      cost += part.records + kPartCost;
      continue;
    }
    const SequenceNumber begin = periods_.Get(part.from).first_sequence;
    const SequenceNumber end = periods_.Get(part.until).first_sequence;
    cost += end.value - begin.value + kPartCost * (part.until.value - part.from.value);
  }
  return cost;
}

std::optional<RocksStore::RollupWork> RocksStore::NextRollup() const {
  MutexLock lock(mutex_);
  const auto block = rollups_.Next(periods_.oldest(), periods_.newest());
  if (!block.has_value()) return std::nullopt;
  RollupWork work;
  work.block = *block;
  work.start_usec = periods_.Get(block->first).start_usec;
  work.gaps = !periods_.WithGaps(block->first, block->until()).empty();
  work.cost = CostOf(rollups_.Cover(block->first, block->until(), block->level));
  work.too_large = rollups_.IsTooLarge(*block);
  return work;
}

// Reads what it is of, which rollups below it may stand for.
Result<RollupState> RocksStore::MakeRollup(const RollupWork& work,
                                           const std::function<bool()>& cancelled,
                                           std::vector<RollupRow>* rows) const {
  const RollupState too_large{RollupState::Kind::kTooLarge, 0};
  if (work.too_large) return too_large;
  ScanRange range;
  range.from = work.block.first;
  range.until = work.block.until();
  range.distinct = true;
  CJ_ASSIGN_OR_RETURN(auto cursor, Scan(range));
  RollupBuilder builder(work.block.first, work.start_usec, work.gaps);
  Record record;
  for (std::uint64_t read = 0;; ++read) {
    if (read % kCancelInterval == 0 && cancelled && cancelled()) {
      return Error{ErrorCode::kCancelled, "the rollup was broken off"};
    }
    CJ_ASSIGN_OR_RETURN(const bool more, cursor->Next(&record));
    if (!more) break;
    if (!builder.Add(record)) return too_large;
  }
  *rows = builder.Finish();
  if (IsWorthIt(builder.records(), work.cost)) {
    return RollupState{RollupState::Kind::kMade, builder.records()};
  }
  rows->clear();
  return RollupState{};
}

Status RocksStore::WriteRollup(const RollupBlock& block, const RollupState& state,
                               const std::vector<RollupRow>& rows) {
  MutexLock write_lock(write_mutex_);
  // What failed is opened again by those who have something to lose.
  if (keeper_->failed()) return Error{ErrorCode::kIo, "the journal cannot be written now"};
  CJ_ASSIGN_OR_RETURN(std::shared_ptr<Database> database, Writable());
  {
    // A drop takes periods off the list before it deletes what was made of them.
    MutexLock lock(mutex_);
    if (block.first < periods_.oldest()) return {};
  }
  rocksdb::ColumnFamilyHandle* column = database->column(Column::kRollups);
  rocksdb::WriteBatch writes;
  std::string value;
  EncodeRollupState(state, &value);
  MustAdd(writes.Put(column, RollupStateKey(block), value));
  for (const RollupRow& row : rows) {
    MustAdd(writes.Put(column, RollupKey({block, row.first}), row.value));
  }
  CJ_RETURN_IF_ERROR(Write(*database, &writes, false, "rolling up periods of"));
  MutexLock lock(mutex_);
  if (block.first >= periods_.oldest()) rollups_.Add(block, state);
  return {};
}

Result<bool> RocksStore::RollUp(const std::function<bool()>& cancelled) {
  MutexLock one_at_a_time(rollup_mutex_);
  const auto work = NextRollup();
  if (!work.has_value()) return false;
  std::vector<RollupRow> rows;
  Result<RollupState> made = MakeRollup(*work, cancelled, &rows);
  if (!made) {
    const ErrorCode code = made.error().code;
    const bool unreadable = code == ErrorCode::kCorruption || code == ErrorCode::kRescanNeeded;
    if (!unreadable) return std::move(made).error();
    // Who asks for it is told by the records themselves.
    made = RollupState{RollupState::Kind::kTooLarge, 0};
  }
  CJ_RETURN_IF_ERROR(WriteRollup(work->block, *made, rows));
  return true;
}

}  // namespace cj
