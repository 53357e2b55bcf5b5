// The part of RocksStore that gives space back, and tells how much is in use.
#include <rocksdb/convenience.h>
#include <rocksdb/write_batch.h>

#include <algorithm>

#include "journal/database_keeper.h"
#include "journal/keys.h"
#include "journal/rocks_database.h"
#include "journal/rocks_status.h"
#include "journal/rocks_store.h"
#include "journal/state_directory.h"

namespace cj {
namespace {

// The first possible key of a period in `records`.
std::string PeriodBegin(PeriodId period) { return RecordKey({period, SequenceNumber(0)}); }

// Those that have a record of a period in [dropped, oldest). Only where there are any: what lies
// under many tombstones is slow to read.
rocksdb::Status DropRollups(const Database& database, int level, PeriodId dropped, PeriodId oldest,
                            rocksdb::WriteBatch* writes) {
  const RollupBlock begin = FirstBlock(level, dropped);
  const RollupBlock end = FirstBlock(level, oldest);  // the first that stays
  if (begin == end) return rocksdb::Status::OK();
  rocksdb::ColumnFamilyHandle* column = database.column(Column::kRollups);
  const rocksdb::Status status =
      writes->DeleteRange(column, RollupStateKey(begin), RollupStateKey(end));
  if (!status.ok()) return status;
  return writes->DeleteRange(column, RollupKey({begin, SequenceNumber()}),
                             RollupKey({end, SequenceNumber()}));
}

// Gives back the space of [begin, end), of which a range tombstone is the last trace. Whole files
// go at once; the few that also hold something else are rewritten, which ends the tombstone, too.
rocksdb::Status Reclaim(const Database& database, Column column, const std::string& begin,
                        const std::string& end) {
  rocksdb::Slice first = begin;
  rocksdb::Slice last = end;
  rocksdb::ColumnFamilyHandle* handle = database.column(column);
  rocksdb::Status status =
      rocksdb::DeleteFilesInRange(&database.db(), handle, &first, &last, false);
  if (!status.ok()) return status;
  rocksdb::CompactRangeOptions options;
  // Flushes and compactions of what is being written go on beside it.
  options.exclusive_manual_compaction = false;
  return database.db().CompactRange(options, handle, &first, &last);
}

rocksdb::Status ReclaimAll(const Database& database, PeriodId dropped, PeriodId oldest) {
  rocksdb::Status status =
      Reclaim(database, Column::kRecords, PeriodBegin(dropped), PeriodBegin(oldest));
  for (int level = 1; level <= kRollupLevels && status.ok(); ++level) {
    const RollupBlock begin = FirstBlock(level, dropped);
    const RollupBlock end = FirstBlock(level, oldest);
    if (begin == end) continue;
    status = Reclaim(database, Column::kRollups, RollupKey({begin, SequenceNumber()}),
                     RollupKey({end, SequenceNumber()}));
  }
  return status;
}

// Where the quiet stretch begins of which the last part are the dropped periods; `before`: where it
// began before.
PeriodId QuietWith(const std::vector<PeriodInfo>& dropped, PeriodId before) {
  const auto loud = std::find_if(dropped.rbegin(), dropped.rend(),
                                 [](const PeriodInfo& period) { return !period.quiet(); });
  return loud == dropped.rend() ? before : loud->id.Next();
}

}  // namespace

// What leaves the list, as it was.
struct RocksStore::Drop {
  PeriodId oldest;  // the first that stays
  std::vector<PeriodInfo> periods;
  RollupTable rollups;
  PeriodId quiet_before;  // RocksStore::quiet_since_ before and after
  PeriodId quiet_after;
};

Status RocksStore::DropPeriodsBefore(PeriodId oldest) {
  MutexLock one_at_a_time(drop_mutex_);
  Drop drop;
  drop.oldest = oldest;
  {
    MutexLock lock(mutex_);
    if (!periods_.Has(oldest)) {
      return Error{ErrorCode::kNotFound,
                   "period " + std::to_string(oldest.value) + " does not exist"};
    }
    // Off the list before the records go: see Scan.
    drop.periods = periods_.DropBefore(oldest);
    if (drop.periods.empty()) return {};
    drop.rollups = rollups_.DropBefore(oldest);
    drop.quiet_before = quiet_since_;
    drop.quiet_after = QuietWith(drop.periods, quiet_since_);
    quiet_since_ = drop.quiet_after;
  }
  const PeriodId first = drop.periods.front().id;
  CJ_RETURN_IF_ERROR(WriteDrop(std::move(drop)));
  CJ_ASSIGN_OR_RETURN(std::shared_ptr<Database> database, keeper_->Get());
  database->SetOldestPeriod(oldest);
  return FromRocks(ReclaimAll(*database, first, oldest), "freeing the space of dropped periods");
}

// Where it fails they are on the list again before anybody else writes: whoever opens the database
// again takes those off that went all the same.
Status RocksStore::WriteDrop(Drop drop) {
  MutexLock write_lock(write_mutex_);
  Status written = WriteDropLocked(drop);
  if (written) return written;
  MutexLock lock(mutex_);
  // Whoever opened the database meanwhile has seen that more are gone.
  if (drop.oldest != periods_.oldest()) return written;
  periods_.PutBack(drop.periods);
  rollups_.PutBack(std::move(drop.rollups));
  quiet_since_ = drop.quiet_before;
  return written;
}

Status RocksStore::WriteDropLocked(const Drop& drop) {
  CJ_ASSIGN_OR_RETURN(std::shared_ptr<Database> database, Writable());
  const PeriodId first = drop.periods.front().id;
  rocksdb::WriteBatch writes;
  rocksdb::Status status = writes.DeleteRange(database->column(Column::kRecords),
                                              PeriodBegin(first), PeriodBegin(drop.oldest));
  for (int level = 1; level <= kRollupLevels && status.ok(); ++level) {
    status = DropRollups(*database, level, first, drop.oldest, &writes);
  }
  if (status.ok()) status = DropActors(*database, drop.oldest, &writes);
  for (const PeriodInfo& period : drop.periods) {
    if (!status.ok()) break;
    status = writes.Delete(database->column(Column::kPeriods), PeriodKey(period.id));
  }
  rocksdb::ColumnFamilyHandle* meta = database->column(Column::kMeta);
  if (status.ok()) {
    status = drop.quiet_after < drop.oldest
                 ? writes.Put(meta, kQuietKey, PeriodKey(drop.quiet_after))
                 : writes.Delete(meta, kQuietKey);
  }
  CJ_RETURN_IF_ERROR(FromRocks(status, "dropping periods"));
  return Write(*database, &writes, true, "dropping periods of");
}

std::uint64_t RocksStore::ApproximateSize(PeriodId from, PeriodId until) const {
  std::string begin = PeriodBegin(from);
  std::string end = PeriodBegin(until);
  rocksdb::Range range(begin, end);
  rocksdb::SizeApproximationOptions options;
  options.include_memtables = true;
  Result<std::shared_ptr<Database>> database = keeper_->Get();
  if (!database) return 0;
  std::uint64_t size = 0;
  rocksdb::Status status = (*database)->db().GetApproximateSizes(
      options, (*database)->column(Column::kRecords), &range, 1, &size);
  return status.ok() ? size : 0;
}

Result<std::uint64_t> RocksStore::DiskUsage() const { return DirectoryUsage(directory_); }

Status RocksStore::Compact() {
  CJ_ASSIGN_OR_RETURN(std::shared_ptr<Database> database, keeper_->Get());
  rocksdb::CompactRangeOptions options;
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  for (std::size_t i = 0; i < kColumnCount; ++i) {
    rocksdb::Status status = database->db().CompactRange(
        options, database->column(static_cast<Column>(i)), nullptr, nullptr);
    CJ_RETURN_IF_ERROR(FromRocks(status, "compacting the journal in " + directory_));
  }
  return {};
}

}  // namespace cj
