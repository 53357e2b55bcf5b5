#include "journal/rocks_database.h"

#include <rocksdb/compaction_filter.h>
#include <rocksdb/env.h>
#include <rocksdb/write_batch.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "journal/keys.h"
#include "journal/record_codec.h"
#include "journal/rocks_log.h"
#include "journal/rocks_status.h"
#include "journal/state_directory.h"

namespace cj {
namespace {

// Forgets dead directories of dropped periods. Why a filter and not deletes: finding what to delete
// would read the whole table for each dropped period, and leave a tombstone for each entry; a
// compaction reads and writes the entries anyway. Until then lookups treat them as absent.
class ForgetOldDirectories : public rocksdb::CompactionFilter {
 public:
  explicit ForgetOldDirectories(const std::atomic<std::uint64_t>* oldest) : oldest_(oldest) {}
  const char* Name() const override { return "changejournal.ForgetOldDirectories"; }
  bool Filter(int /*level*/, const rocksdb::Slice& /*key*/, const rocksdb::Slice& value,
              std::string* /*new_value*/, bool* /*value_changed*/) const override {
    Result<PeriodId> period = PeekDeadDirectoryPeriod({value.data(), value.size()});
    // Damage stays, to be reported by whoever reads it.
    return period.has_value() && period->value < oldest_->load();
  }

 private:
  const std::atomic<std::uint64_t>* oldest_;
};

// The lock of RocksDB on a directory, held while we look at what is in it.
class DirectoryLock {
 public:
  explicit DirectoryLock(rocksdb::Env* env) : env_(env) {}
  ~DirectoryLock() {
    // Closing a file that nothing was written to has nothing to report.
    if (lock_ != nullptr) env_->UnlockFile(lock_).PermitUncheckedError();
  }
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;
  rocksdb::Status Take(const std::string& directory) {
    std::string file = directory + "/LOCK";
    // Not made here: a directory that turns out to be somebody else's is left as it is.
    if (!env_->FileExists(file).ok()) return rocksdb::Status::OK();
    return env_->LockFile(file, &lock_);
  }

 private:
  rocksdb::Env* env_;
  rocksdb::FileLock* lock_ = nullptr;
};

// RocksDB has no code of its own for a lock that is held.
bool IsLockFailure(const rocksdb::Status& status) {
  std::string text = status.ToString();
  return status.IsIOError() && (text.find("While lock file") != std::string::npos ||
                                text.find("lock hold by current process") != std::string::npos);
}

Error InUse(const std::string& directory, const rocksdb::Status& status) {
  std::string holder = "this process";
  if (status.ToString().find("current process") == std::string::npos) {
    std::optional<pid_t> pid = LockHolder(directory);
    holder = "another changejournald";
    if (pid) holder += " (process " + std::to_string(*pid) + ")";
  }
  return Error{ErrorCode::kBusy, "the state directory " + directory + " is in use by " + holder +
                                     "; stop that one, or name another state directory"};
}

// What RocksDB says when it cannot make sense of files that are there.
bool IsDamage(const rocksdb::Status& status) {
  return status.IsCorruption() || status.IsNotFound() || status.IsPathNotFound() ||
         status.IsInvalidArgument();
}

Error Damaged(const std::string& directory, const std::string& why) {
  return Error{ErrorCode::kCorruption,
               "the journal in " + directory + " is damaged: " + why +
                   ". Nothing was changed; restore the directory, or move it away to start a new "
                   "journal (every token then needs a rescan)"};
}

// `look`: RocksDB was only reading, so that nothing was changed can be promised.
Error CannotOpen(const std::string& directory, const rocksdb::Status& status, bool look) {
  if (IsLockFailure(status)) return InUse(directory, status);
  if (look && IsDamage(status)) return Damaged(directory, status.ToString());
  return RocksError(status, "opening the journal in " + directory);
}

Error CannotLoad(const std::string& directory, const Error& error) {
  if (error.code == ErrorCode::kCorruption) return Damaged(directory, error.message);
  return WithContext(error, "the journal in " + directory + " cannot be used");
}

std::optional<std::size_t> ColumnOf(const std::string& name) {
  auto found = std::find(kColumnNames.begin(), kColumnNames.end(), name);
  if (found == kColumnNames.end()) return std::nullopt;
  return static_cast<std::size_t>(found - kColumnNames.begin());
}

Result<JournalId> RandomJournalId() {
  std::uint32_t value = 0;
  ssize_t got = getrandom(&value, sizeof value, 0);
  if (got != static_cast<ssize_t>(sizeof value)) return ErrnoError(errno, "getrandom");
  return JournalId(value);
}

// Writes what makes an empty database a journal, in one synced batch.
Status Initialize(const Database& database, const Clock& clock, const std::string& directory) {
  CJ_ASSIGN_OR_RETURN(JournalId id, RandomJournalId());
  PeriodInfo first;
  first.id = PeriodId(1);
  first.start_usec = clock.RealtimeUsec();
  first.first_sequence = SequenceNumber(1);
  std::string format;
  EncodeFormatVersion(kFormatVersion, &format);
  std::string journal;
  EncodeJournalId(id, &journal);
  std::string period;
  EncodePeriod(first, &period);

  rocksdb::WriteBatch batch;
  rocksdb::Status status = batch.Put(database.column(Column::kMeta), kFormatKey, format);
  if (status.ok()) status = batch.Put(database.column(Column::kMeta), kJournalKey, journal);
  if (status.ok()) {
    status = batch.Put(database.column(Column::kPeriods), PeriodKey(first.id), period);
  }
  rocksdb::WriteOptions synced;
  synced.sync = true;
  if (status.ok()) status = database.db().Write(synced, &batch);
  return FromRocks(status, "making a journal in " + directory);
}

// The values of older versions are read as they are (record_codec.h); from now on there may be
// newer ones among them.
Status RaiseFormat(const Database& database, std::uint64_t found, const std::string& directory) {
  if (found == kFormatVersion) return {};
  std::string format;
  EncodeFormatVersion(kFormatVersion, &format);
  rocksdb::WriteOptions synced;
  synced.sync = true;
  return FromRocks(database.db().Put(synced, database.column(Column::kMeta), kFormatKey, format),
                   "raising the format's version in " + directory);
}

}  // namespace

// The two ways to open: to look, which changes no byte of the directory, and to write.
class DatabaseOpener {
 public:
  DatabaseOpener(std::string directory, rocksdb::Env* env)
      : directory_(std::move(directory)), env_(env) {}

  Result<std::unique_ptr<Database>> OpenToLook() const {
    std::unique_ptr<Database> database = Make();
    rocksdb::DBOptions options = MakeDatabaseOptions(env_);
    options.info_log = MakeSilentLog();
    std::vector<std::string> names;
    rocksdb::Status status = rocksdb::DB::ListColumnFamilies(options, directory_, &names);
    if (!status.ok()) return CannotOpen(directory_, status, true);
    auto is_unknown = [](const std::string& name) { return !ColumnOf(name).has_value(); };
    auto known_end = std::remove_if(names.begin(), names.end(), is_unknown);
    database->unknown_columns_ = known_end != names.end();
    names.erase(known_end, names.end());
    return Open(std::move(database), names, true,
                [&](const auto& columns, auto* handles, auto** db) {
                  return rocksdb::DB::OpenForReadOnly(options, directory_, columns, handles, db);
                });
  }

  Result<std::unique_ptr<Database>> OpenToWrite(bool create) const {
    std::unique_ptr<Database> database = Make();
    rocksdb::DBOptions options = MakeDatabaseOptions(env_);
    options.info_log = OpenRocksLog(directory_);
    options.create_if_missing = create;
    // There may be one that older versions did not have.
    options.create_missing_column_families = true;
    std::vector<std::string> names(kColumnNames.begin(), kColumnNames.end());
    return Open(std::move(database), names, false,
                [&](const auto& columns, auto* handles, auto** db) {
                  return rocksdb::DB::Open(options, directory_, columns, handles, db);
                });
  }

  // With its files: what is damaged in them must not be read by a compaction, either.
  static rocksdb::Status RemakeRollups(Database& database) {
    rocksdb::ColumnFamilyHandle*& rollups =
        database.columns_[static_cast<std::size_t>(Column::kRollups)];
    rocksdb::DB& db = database.db();
    rocksdb::ColumnFamilyDescriptor made;
    rocksdb::Status status = rollups->GetDescriptor(&made);
    if (status.ok()) status = db.DropColumnFamily(rollups);
    if (!status.ok()) return status;
    db.DestroyColumnFamilyHandle(rollups).PermitUncheckedError();
    rollups = nullptr;
    status = db.CreateColumnFamily(made.options, made.name, &rollups);
    if (status.ok()) status = db.Delete({}, database.column(Column::kMeta), kBadRollupsKey);
    return status;
  }

 private:
  static std::unique_ptr<Database> Make() {
    std::unique_ptr<Database> database(new Database());
    database->oldest_period_ = std::make_unique<std::atomic<std::uint64_t>>(0);
    database->filter_ = std::make_unique<ForgetOldDirectories>(database->oldest_period_.get());
    return database;
  }

  template <typename OpenFunction>
  Result<std::unique_ptr<Database>> Open(std::unique_ptr<Database> database,
                                         const std::vector<std::string>& names, bool look,
                                         const OpenFunction& open) const {
    std::shared_ptr<rocksdb::Cache> cache = MakeBlockCache();
    std::vector<rocksdb::ColumnFamilyDescriptor> columns;
    for (const std::string& name : names) {
      auto column = static_cast<Column>(*ColumnOf(name));
      columns.emplace_back(name, MakeColumnOptions(column, cache, database->filter_.get()));
    }
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* db = nullptr;
    rocksdb::Status status = open(columns, &handles, &db);
    if (!status.ok()) return CannotOpen(directory_, status, look);
    database->db_.reset(db);
    for (std::size_t i = 0; i < handles.size(); ++i) {
      database->columns_[*ColumnOf(names[i])] = handles[i];
    }
    return database;
  }

  std::string directory_;
  rocksdb::Env* env_;
};

Database::~Database() {
  if (!db_) return;
  for (rocksdb::ColumnFamilyHandle* handle : columns_) {
    if (handle != nullptr) db_->DestroyColumnFamilyHandle(handle).PermitUncheckedError();
  }
  // What was acknowledged is in the log already; a failure here changes nothing.
  db_->Close().PermitUncheckedError();
}

Result<std::unique_ptr<Database>> OpenDatabaseToLook(const std::string& directory,
                                                     rocksdb::Env* env) {
  return DatabaseOpener(directory, env).OpenToLook();
}

Result<std::unique_ptr<Database>> OpenDatabase(const std::string& directory, bool create,
                                               const Clock& clock, rocksdb::Env* env,
                                               StoreState* state) {
  CJ_RETURN_IF_ERROR(PrepareDirectory(directory, create));
  CJ_ASSIGN_OR_RETURN(bool exists, HasDatabase(directory));
  if (!exists && !create) {
    return Error{ErrorCode::kNotFound, "there is no journal in " + directory};
  }
  DatabaseOpener opener(directory, env);
  bool empty = !exists;
  if (exists) {
    DirectoryLock lock(env);
    rocksdb::Status locked = lock.Take(directory);
    if (!locked.ok()) return CannotOpen(directory, locked, true);
    CJ_ASSIGN_OR_RETURN(std::unique_ptr<Database> look, opener.OpenToLook());
    Result<std::optional<StoreState>> found = LoadState(*look);
    if (!found) return CannotLoad(directory, found.error());
    empty = !found->has_value();
  }
  CJ_RETURN_IF_ERROR(MakePrivate(directory, exists));
  CJ_ASSIGN_OR_RETURN(std::unique_ptr<Database> database, opener.OpenToWrite(empty));
  // Looked at again under the lock: what was empty may have been filled meanwhile.
  Result<std::optional<StoreState>> loaded = LoadState(*database);
  if (loaded.has_value() && !loaded->has_value()) {
    CJ_RETURN_IF_ERROR(Initialize(*database, clock, directory));
    loaded = LoadState(*database);
  }
  if (!loaded) return CannotLoad(directory, loaded.error());
  CJ_CHECK(loaded->has_value(), "a journal that was just made is not there");
  *state = **std::move(loaded);
  CJ_RETURN_IF_ERROR(RaiseFormat(*database, state->format, directory));
  if (state->rollups_damaged) {
    CJ_RETURN_IF_ERROR(FromRocks(opener.RemakeRollups(*database), "deleting damaged rollups"));
  }
  database->SetOldestPeriod(state->periods.front().id);
  return database;
}

}  // namespace cj
