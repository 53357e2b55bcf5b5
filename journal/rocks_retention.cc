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

}  // namespace

Status RocksStore::DropPeriodsBefore(PeriodId oldest) {
  MutexLock one_at_a_time(drop_mutex_);
  std::vector<PeriodInfo> dropped;
  RollupTable rollups;
  {
    MutexLock lock(mutex_);
    if (!periods_.Has(oldest)) {
      return Error{ErrorCode::kNotFound,
                   "period " + std::to_string(oldest.value) + " does not exist"};
    }
    // Off the list before the records go: see Scan.
    dropped = periods_.DropBefore(oldest);
    rollups = rollups_.DropBefore(oldest);
  }
  if (dropped.empty()) return {};

  CJ_RETURN_IF_ERROR(WriteDrop(dropped, std::move(rollups), oldest));
  CJ_ASSIGN_OR_RETURN(std::shared_ptr<Database> database, keeper_->Get());
  database->SetOldestPeriod(oldest);
  return FromRocks(ReclaimAll(*database, dropped.front().id, oldest),
                   "freeing the space of dropped periods");
}

// Where it fails they are on the list again before anybody else writes: whoever opens the database
// again takes those off that went all the same.
Status RocksStore::WriteDrop(const std::vector<PeriodInfo>& dropped, RollupTable rollups,
                             PeriodId oldest) {
  MutexLock write_lock(write_mutex_);
  Status written = WriteDropLocked(dropped, oldest);
  if (written) return written;
  MutexLock lock(mutex_);
  // Whoever opened the database meanwhile has seen that more are gone.
  if (dropped.back().id.Next() != periods_.oldest()) return written;
  periods_.PutBack(dropped);
  rollups_.PutBack(std::move(rollups));
  return written;
}

Status RocksStore::WriteDropLocked(const std::vector<PeriodInfo>& dropped, PeriodId oldest) {
  CJ_ASSIGN_OR_RETURN(std::shared_ptr<Database> database, Writable());
  rocksdb::WriteBatch writes;
  rocksdb::Status status = writes.DeleteRange(database->column(Column::kRecords),
                                              PeriodBegin(dropped.front().id), PeriodBegin(oldest));
  for (int level = 1; level <= kRollupLevels && status.ok(); ++level) {
    status = DropRollups(*database, level, dropped.front().id, oldest, &writes);
  }
  for (const PeriodInfo& period : dropped) {
    if (!status.ok()) break;
    status = writes.Delete(database->column(Column::kPeriods), PeriodKey(period.id));
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
