#include "journal/database_keeper.h"

#include <rocksdb/write_batch.h>
#include <sys/statvfs.h>

#include <algorithm>

#include "base/check.h"
#include "journal/keys.h"
#include "journal/record_codec.h"
#include "journal/rocks_status.h"

namespace cj {
namespace {

// Takes back what failed writes have left in `database`: records past the promised ones, a period
// that was not acknowledged, a gap that was not.
Status TakeBack(const Database& database, const StoreState& found, const StoreState& promised) {
  const PeriodInfo& open = promised.periods.back();
  PeriodId last = found.periods.back().id;
  if (found.journal != promised.journal || last < open.id ||
      found.next_sequence < promised.next_sequence) {
    return Error{
        ErrorCode::kIo,
        "records that were stored are gone after an error of the disk; restart the service"};
  }
  rocksdb::ColumnFamilyHandle* periods = database.column(Column::kPeriods);
  rocksdb::WriteBatch writes;
  rocksdb::Status status;
  if (found.next_sequence > promised.next_sequence) {
    status = writes.DeleteRange(database.column(Column::kRecords),
                                RecordKey({open.id, promised.next_sequence}),
                                RecordKey({last.Next(), SequenceNumber(0)}));
  }
  for (PeriodId extra = open.id.Next(); extra <= last && status.ok(); extra = extra.Next()) {
    status = writes.Delete(periods, PeriodKey(extra));
  }
  std::string value;
  EncodePeriod(open, &value);
  if (status.ok()) status = writes.Put(periods, PeriodKey(open.id), value);
  rocksdb::WriteOptions synced;
  synced.sync = true;
  if (status.ok()) status = database.db().Write(synced, &writes);
  return FromRocks(status, "taking back what a failed write has left");
}

std::uint64_t FreeBytes(const std::string& directory) {
  struct statvfs state {};
  if (statvfs(directory.c_str(), &state) != 0) return 0;
  return static_cast<std::uint64_t>(state.f_bavail) * state.f_frsize;
}

}  // namespace

DatabaseKeeper::DatabaseKeeper(std::string directory, rocksdb::Env* env, const Clock& clock,
                               std::unique_ptr<Database> database)
    : directory_(std::move(directory)), env_(env), clock_(clock), database_(std::move(database)) {}

DatabaseKeeper::~DatabaseKeeper() { cursors_->AbandonAll(); }

Result<std::shared_ptr<Database>> DatabaseKeeper::Get() const {
  MutexLock lock(mutex_);
  if (!database_) return *error_;
  return database_;
}

void DatabaseKeeper::Fail(const Error& error) {
  failed_ = true;
  MutexLock lock(mutex_);
  error_ = error;
}

bool DatabaseKeeper::WorthTrying() const {
  // Replacing the database cuts off its cursors, so it is not done without hope.
  bool full = error_ && error_->code == ErrorCode::kLimit;
  return clock_.MonotonicUsec() >= next_attempt_usec_ &&
         (!full || FreeBytes(directory_) >= kReopenRoomBytes) && database_.use_count() <= 1;
}

Result<StoreState> DatabaseKeeper::Open(const StoreState& promised) {
  StoreState found;
  CJ_ASSIGN_OR_RETURN(std::unique_ptr<Database> database,
                      OpenDatabase(directory_, false, clock_, env_, &found));
  CJ_RETURN_IF_ERROR(TakeBack(*database, found, promised));
  PeriodId oldest = found.periods.front().id;
  found.periods = promised.periods;
  std::erase_if(found.periods, [oldest](const PeriodInfo& period) { return period.id < oldest; });
  found.next_sequence = promised.next_sequence;
  database_ = std::move(database);
  return found;
}

Result<StoreState> DatabaseKeeper::Reopen(const StoreState& promised) {
  MutexLock lock(mutex_);
  CJ_CHECK(failed_ && error_, "a database that works is not replaced");
  if (!WorthTrying()) return *error_;
  cursors_->AbandonAll();
  database_.reset();
  Result<StoreState> found = Open(promised);
  if (found) {
    failed_ = false;
    next_attempt_usec_ = 0;
    interval_usec_ = kReopenIntervalUsec;
    return found;
  }
  error_ = found.error();
  next_attempt_usec_ = clock_.MonotonicUsec() + interval_usec_;
  interval_usec_ = std::min(interval_usec_ * 2, kReopenIntervalMostUsec);
  Result<std::unique_ptr<Database>> look = OpenDatabaseToLook(directory_, env_);
  if (look) database_ = std::move(look).value();
  return found.error();
}

}  // namespace cj
