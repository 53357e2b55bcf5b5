#include "journal/write_guard.h"

#include <rocksdb/transaction_log.h>

#include <memory>

#include "journal/rocks_database.h"
#include "journal/rocks_status.h"

namespace cj {
namespace {

Result<std::uint64_t> LogNumber(const Database& database, const std::string& directory) {
  std::unique_ptr<rocksdb::LogFile> log;
  rocksdb::Status status = database.db().GetCurrentWalFile(&log);
  if (!status.ok()) return RocksError(status, "looking at the log of the journal in " + directory);
  return log->LogNumber();
}

// Puts something that means nothing into a memtable that has nothing.
rocksdb::Status FillMemtable(const Database& database) {
  rocksdb::ColumnFamilyHandle* meta = database.column(Column::kMeta);
  std::uint64_t entries = 0;
  if (database.db().GetIntProperty(meta, rocksdb::DB::Properties::kNumEntriesActiveMemTable,
                                   &entries) &&
      entries > 0) {
    return rocksdb::Status::OK();
  }
  rocksdb::WriteOptions outside_of_the_log;
  outside_of_the_log.disableWAL = true;
  return database.db().Delete(outside_of_the_log, meta, "nothing");
}

Error NeedsReopening(const std::string& directory) {
  return Error{ErrorCode::kIo, "the journal in " + directory +
                                   " stopped writing after an error, until it is opened again: "
                                   "look after the disk, then restart the service"};
}

}  // namespace

Status WriteGuard::Recover(const Database& database, const std::string& directory) {
  bool log_broken = database.log_broken().load();
  if (log_broken && !broken_log_) {
    CJ_ASSIGN_OR_RETURN(broken_log_, LogNumber(database, directory));
  }
  rocksdb::Status status = database.db().Resume();
  if (!status.ok()) {
    if (status.severity() >= rocksdb::Status::kFatalError) {
      return WithContext(NeedsReopening(directory), status.ToString());
    }
    return RocksError(status, "the journal in " + directory +
                                  " stopped writing after an error, and cannot go on yet");
  }
  if (log_broken) {
    CJ_ASSIGN_OR_RETURN(std::uint64_t log, LogNumber(database, directory));
    if (log == *broken_log_) return NeedsReopening(directory);
    database.log_broken().store(false);
    broken_log_.reset();
  }
  failed_ = false;
  return {};
}

Status WriteGuard::Prepare(const Database& database, const std::string& directory) {
  if (failed_) CJ_RETURN_IF_ERROR(Recover(database, directory));
  rocksdb::Status status = FillMemtable(database);
  if (status.ok()) return {};
  Done(status);
  return RocksError(status, "writing to the journal in " + directory);
}

void WriteGuard::Done(const rocksdb::Status& status) {
  if (!status.ok()) failed_ = true;
}

}  // namespace cj
