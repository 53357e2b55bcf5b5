// The part of RocksStore that makes rollups.
#include <rocksdb/write_batch.h>

#include <span>

#include "journal/database_keeper.h"
#include "journal/keys.h"
#include "journal/record_codec.h"
#include "journal/rocks_cursor.h"
#include "journal/rocks_database.h"
#include "journal/rocks_status.h"
#include "journal/rocks_store.h"
#include "journal/rollup.h"
#include "journal/state_directory.h"

namespace cj {
namespace {

using Kind = RollupState::Kind;

// What a scan takes for a part, beside its records, in records.
constexpr std::uint64_t kPartCost = 4;
// A rollup costs a scan no more than half of what it stands for. Where periods have many records
// all rollups together then take no more space than these; where they have few, the largest level
// alone may take as much, and what a period takes beside its records is saved.
constexpr std::uint64_t kLeastGain = 2;
constexpr std::uint64_t kCancelInterval = 4096;
// Written at once: appends wait so long.
constexpr std::size_t kWriteBytes = 128 << 10;
// With less room on the disk none is made: what is left is for records.
constexpr std::uint64_t kRollupRoomBytes = 64 << 20;

bool IsWorthIt(std::uint64_t records, std::uint64_t cost) {
  return (records + kPartCost) * kLeastGain <= cost;
}

// Of an attempt that was broken off: they are not known to be there, and may be others.
bool HasRows(const Database& database, const RollupBlock& block) {
  const std::string end = RollupKey({{block.level, block.until()}, SequenceNumber()});
  const rocksdb::Slice upper = end;
  rocksdb::ReadOptions options;
  options.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> it(
      database.db().NewIterator(options, database.column(Column::kRollups)));
  it->Seek(RollupKey({block, SequenceNumber()}));
  return it->Valid() || !it->status().ok();
}

}  // namespace

struct RocksStore::RollupWork {
  RollupBlock block;
  std::int64_t start_usec = 0;
  bool has_records = false;
  SequenceNumber last;     // number of the last one
  bool gaps = false;       // in some of its periods
  std::uint64_t cost = 0;  // of what a scan reads without it
  bool too_large = false;  // as is known without reading
};

struct RocksStore::RollupPartOfRows {
  RollupBlock block;
  std::span<const RollupRow> rows;
  bool is_first = false;
  const RollupState* state = nullptr;  // the last part has it
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
  const SequenceNumber end = periods_.Get(block->until()).first_sequence;
  work.last = SequenceNumber(end.value - 1);
  work.has_records = periods_.Get(block->first).first_sequence < end;
  work.gaps = !periods_.WithGaps(block->first, block->until()).empty();
  work.cost = CostOf(rollups_.Cover(block->first, block->until(), block->level));
  work.too_large = rollups_.IsTooLarge(*block);
  return work;
}

// Reads what it is of, which rollups below it may stand for.
Result<RollupState> RocksStore::MakeRollup(const RollupWork& work,
                                           const std::function<bool()>& cancelled,
                                           std::vector<RollupRow>* rows) const {
  const RollupState too_large{Kind::kTooLarge, 0};
  if (work.too_large) return too_large;
  ScanRange range;
  range.from = work.block.first;
  range.until = work.block.until();
  range.distinct = true;
  CJ_ASSIGN_OR_RETURN(auto cursor, Scan(range));
  RollupBuilder builder(work.block.first, work.start_usec, work.gaps);
  Record record;
  SequenceNumber last;
  for (std::uint64_t read = 0;; ++read) {
    if (read % kCancelInterval == 0 && cancelled && cancelled()) {
      return Error{ErrorCode::kCancelled, "the rollup was broken off"};
    }
    CJ_ASSIGN_OR_RETURN(const bool more, cursor->Next(&record));
    if (!more) break;
    last = record.sequence;
    if (!builder.Add(record)) return too_large;
  }
  *rows = builder.Finish();
  // Else its last record went with a disk, and nobody could tell that it ends where it should.
  const bool is_whole = builder.records() == 0 ? !work.has_records : last == work.last;
  if (is_whole && IsWorthIt(builder.records(), work.cost)) {
    return RollupState{Kind::kMade, builder.records()};
  }
  rows->clear();
  return RollupState{};
}

// Of one write. What is optional must not cost what is not: a write that would wait is none.
Status RocksStore::WritePart(const RollupPartOfRows& part) {
  MutexLock write_lock(write_mutex_);
  // What failed is opened again by those who have something to lose.
  if (keeper_->failed()) return Error{ErrorCode::kBusy, "the journal cannot be written now"};
  CJ_ASSIGN_OR_RETURN(std::shared_ptr<Database> database, keeper_->Get());
  {
    // A drop takes periods off the list before it deletes what was made of them. And whoever opened
    // the database again may have found less.
    MutexLock lock(mutex_);
    if (!rollups_.IsNext(part.block, periods_.oldest())) {
      return Error{ErrorCode::kBusy, "the rollup's block is not the next any more"};
    }
  }
  rocksdb::ColumnFamilyHandle* column = database->column(Column::kRollups);
  rocksdb::WriteBatch writes;
  if (part.is_first && HasRows(*database, part.block)) {
    const RollupBlock behind{part.block.level, part.block.until()};
    MustAdd(writes.DeleteRange(column, RollupKey({part.block, SequenceNumber()}),
                               RollupKey({behind, SequenceNumber()})));
  }
  for (const RollupRow& row : part.rows) {
    MustAdd(writes.Put(column, RollupKey({part.block, row.first}), row.value));
  }
  if (part.state != nullptr) {
    std::string value;
    EncodeRollupState(*part.state, &value);
    MustAdd(writes.Put(column, RollupStateKey(part.block), value));
  }
  rocksdb::WriteOptions options;
  options.no_slowdown = true;
  const rocksdb::Status status = database->db().Write(options, &writes);
  if (!status.ok()) {
    Error error = RocksError(status, "rolling up periods of the journal in " + directory_);
    if (!status.IsIncomplete()) keeper_->Fail(error);
    return error;
  }
  if (part.state == nullptr) return {};
  MutexLock lock(mutex_);
  if (part.block.first >= periods_.oldest()) rollups_.Add(part.block, *part.state);
  return {};
}

// The state comes last: without it the rows are not there.
Status RocksStore::WriteRollup(const RollupBlock& block, const RollupState& state,
                               const std::vector<RollupRow>& rows) {
  RollupPartOfRows part;
  part.block = block;
  part.is_first = true;
  for (std::size_t begin = 0;;) {
    std::size_t end = begin;
    for (std::size_t bytes = 0; end < rows.size() && bytes < kWriteBytes; ++end) {
      bytes += rows[end].value.size();
    }
    part.rows = {rows.data() + begin, end - begin};
    if (end == rows.size()) part.state = &state;
    CJ_RETURN_IF_ERROR(WritePart(part));
    if (part.state != nullptr) return {};
    part.is_first = false;
    begin = end;
  }
}

// A rollup could not be read: none is used any more, and the next start makes all of them anew. Not
// this one: where a disk goes on failing there would be no end to it.
Status RocksStore::NoteBadRollups() {
  MutexLock write_lock(write_mutex_);
  if (keeper_->failed()) return Error{ErrorCode::kBusy, "the journal cannot be written now"};
  CJ_ASSIGN_OR_RETURN(std::shared_ptr<Database> database, keeper_->Get());
  rocksdb::WriteBatch writes;
  MustAdd(writes.Put(database->column(Column::kMeta), kBadRollupsKey, rocksdb::Slice()));
  return Write(*database, &writes, false, "noting a damaged rollup in");
}

Result<bool> RocksStore::RollUp(const std::function<bool()>& cancelled) {
  MutexLock one_at_a_time(rollup_mutex_);
  if (keeper_->cursors()->has_bad_rollup()) {
    if (!bad_rollups_noted_) CJ_RETURN_IF_ERROR(NoteBadRollups());
    bad_rollups_noted_ = true;
    return false;
  }
  const auto work = NextRollup();
  if (!work.has_value() || FreeBytes(directory_).value_or(0) < kRollupRoomBytes) return false;
  std::vector<RollupRow> rows;
  Result<RollupState> made = MakeRollup(*work, cancelled, &rows);
  if (made) {
    CJ_RETURN_IF_ERROR(WriteRollup(work->block, *made, rows));
    return true;
  }
  const ErrorCode code = made.error().code;
  if (code != ErrorCode::kCorruption && code != ErrorCode::kIo) return std::move(made).error();
  // Whoever asks for these records is told by them. Here they are passed over until the next start.
  MutexLock lock(mutex_);
  if (rollups_.IsNext(work->block, periods_.oldest())) {
    rollups_.Add(work->block, {Kind::kTooLarge, 0});
  }
  return true;
}

}  // namespace cj
