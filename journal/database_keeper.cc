#include "journal/database_keeper.h"

#include <rocksdb/write_batch.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/check.h"
#include "journal/gaps.h"
#include "journal/keys.h"
#include "journal/record_codec.h"
#include "journal/rocks_status.h"
#include "journal/state_directory.h"

namespace cj {
namespace {

// Whoever has the database gives it back within milliseconds, unless the disk keeps it waiting.
constexpr std::chrono::seconds kHolderPatience{2};
constexpr const char* kRecordsLost =
    "records that had just been stored are gone after an error of the disk";

// A disk that went away took along what had not been synced: records of the open period. (The end
// of a period is synced; without it the journal is another one.)
Result<bool> HasLostRecords(const StoreState& found, const StoreState& promised) {
  if (found.journal != promised.journal || found.periods.back().id < promised.periods.back().id) {
    return Error{
        ErrorCode::kIo,
        "periods that were stored are gone after an error of the disk; restart the service"};
  }
  return found.next_sequence < promised.next_sequence;
}

// Takes back what failed writes have left in `database`: records past the promised ones and the
// spool's position with them, a period that was not acknowledged, a gap that was not, and what is
// kept of consumers.
Status TakeBack(const Database& database, const StoreState& found, const StoreState& promised) {
  const PeriodInfo& open = promised.periods.back();
  PeriodId last = found.periods.back().id;
  rocksdb::ColumnFamilyHandle* periods = database.column(Column::kPeriods);
  rocksdb::WriteBatch writes;
  rocksdb::Status status;
  if (found.next_sequence > promised.next_sequence) {
    status = writes.DeleteRange(database.column(Column::kRecords),
                                RecordKey({open.id, promised.next_sequence}),
                                RecordKey({last.Next(), SequenceNumber(0)}));
  }
  // A number that is missing would be damage, so each one that was lost is a row without a value.
  // Rows went as a whole, and are at most what is stored in a second.
  for (std::uint64_t lost = found.next_sequence.value;
       lost < promised.next_sequence.value && status.ok(); ++lost) {
    status = writes.Put(database.column(Column::kRecords),
                        RecordKey({open.id, SequenceNumber(lost)}), rocksdb::Slice());
  }
  for (PeriodId extra = open.id.Next(); extra <= last && status.ok(); extra = extra.Next()) {
    status = writes.Delete(periods, PeriodKey(extra));
  }
  std::string value;
  EncodePeriod(open, &value);
  if (status.ok()) status = writes.Put(periods, PeriodKey(open.id), value);
  rocksdb::ColumnFamilyHandle* meta = database.column(Column::kMeta);
  for (const auto& [name, consumer] : found.consumers) {
    if (!status.ok()) break;
    status = writes.Delete(meta, kConsumerPrefix + name);
  }
  for (const auto& [name, consumer] : promised.consumers) {
    if (!status.ok()) break;
    value.clear();
    EncodeConsumer(consumer, &value);
    status = writes.Put(meta, kConsumerPrefix + name, value);
  }
  value.clear();
  EncodeSpoolPosition(promised.spool, &value);
  if (status.ok()) status = writes.Put(meta, kSpoolKey, value);
  rocksdb::WriteOptions synced;
  synced.sync = true;
  if (status.ok()) status = database.db().Write(synced, &writes);
  return FromRocks(status, "taking back what a failed write has left");
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
         (!full || FreeBytes(directory_).value_or(0) >= kReopenRoomBytes);
}

// Under the lock nobody new can get it, however often somebody asks.
bool DatabaseKeeper::AwaitAlone() const {
  const auto deadline = std::chrono::steady_clock::now() + kHolderPatience;
  while (database_.use_count() > 1) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

Result<StoreState> DatabaseKeeper::Open(const StoreState& promised) {
  StoreState found;
  CJ_ASSIGN_OR_RETURN(std::unique_ptr<Database> database,
                      OpenDatabase(directory_, false, clock_, env_, &found));
  CJ_ASSIGN_OR_RETURN(const bool lost, HasLostRecords(found, promised));
  if (lost && !lost_) ++losses_;
  lost_ |= lost;
  found.records_lost = lost_;
  StoreState wanted = promised;
  if (found.records_lost) {
    PeriodInfo& open = wanted.periods.back();
    AddGap({"", open.start_usec, clock_.RealtimeUsec(), kRecordsLost}, &open.gaps);
    wanted.spool = found.spool;  // of what is still there
  }
  CJ_RETURN_IF_ERROR(TakeBack(*database, found, wanted));
  PeriodId oldest = found.periods.front().id;
  found.periods = wanted.periods;
  std::erase_if(found.periods, [oldest](const PeriodInfo& period) { return period.id < oldest; });
  found.next_sequence = promised.next_sequence;
  found.consumers = promised.consumers;
  database_ = std::move(database);
  return found;
}

Result<StoreState> DatabaseKeeper::Reopen(const StoreState& promised) {
  MutexLock lock(mutex_);
  CJ_CHECK(failed_ && error_, "a database that works is not replaced");
  if (!WorthTrying() || !AwaitAlone()) return *error_;
  cursors_->AbandonAll();
  database_.reset();
  Result<StoreState> found = Open(promised);
  if (found) {
    ++openings_;
    failed_ = false;
    lost_ = false;
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
