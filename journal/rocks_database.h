// A RocksDB database with our column families, and what it takes to open one without harm: nothing
// is written before the directory has proved to hold a journal of ours in a format that we know.
// Used only by rocks_store.cc. Not thread-safe while opening; then as RocksDB is.
#pragma once

#include <rocksdb/db.h>

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "journal/consumer.h"
#include "journal/record.h"
#include "journal/rocks_options.h"
#include "journal/rollup_table.h"

namespace cj {

// What the store keeps in memory.
struct StoreState {
  std::uint64_t format = 0;  // the version that the database has
  JournalId journal;
  std::vector<PeriodInfo> periods;  // oldest first, numbered without gaps, the last one is open
  SequenceNumber next_sequence;
  std::map<VolumeIdentity, VolumeId> volumes;
  SpoolPosition spool;
  PeriodId quiet_since;  // StoreEnds::quiet_since
  std::map<std::string, Consumer> consumers;
  RollupTable rollups;
  bool rollups_damaged = false;  // they were not loaded
  bool records_lost = false;     // DatabaseKeeper::Reopen() only: some that were stored are gone
};

class Database {
 public:
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  rocksdb::DB& db() const { return *db_; }
  // Null where a database that is only looked at lacks it.
  rocksdb::ColumnFamilyHandle* column(Column column) const {
    return columns_[static_cast<std::size_t>(column)];
  }
  bool has_unknown_columns() const { return unknown_columns_; }
  // Entries of `directories` whose period is older may be forgotten by compactions.
  void SetOldestPeriod(PeriodId oldest) { oldest_period_->store(oldest.value); }

 private:
  friend class DatabaseOpener;
  Database() = default;

  // RocksDB wants its filter, then its handles, to outlive or precede it as listed here.
  std::unique_ptr<std::atomic<std::uint64_t>> oldest_period_;
  std::unique_ptr<rocksdb::CompactionFilter> filter_;
  std::unique_ptr<rocksdb::DB> db_;
  std::array<rocksdb::ColumnFamilyHandle*, kColumnCount> columns_{};
  bool unknown_columns_ = false;
};

// Opens the journal in `directory`, or makes one where `create` allows it and nothing is there, and
// loads *state. Errors, all before anything was written:
//   kNotFound          there is none, and `create` is false; or the parent directory is not there
//   kBusy              another process (named) or this one has it open
//   kUnsupported       it was written by a newer version
//   kInvalidArgument   not a directory, a database of another program, or not private (MakePrivate)
//   kCorruption        it is damaged
//   kPermissionDenied, kIo, kLimit   the filesystem says so
Result<std::unique_ptr<Database>> OpenDatabase(const std::string& directory, bool create,
                                               const Clock& clock, rocksdb::Env* env,
                                               StoreState* state);

// The same for reading only: nothing is written, and nothing that is appended later is seen.
Result<std::unique_ptr<Database>> OpenDatabaseToLook(const std::string& directory,
                                                     rocksdb::Env* env);

// Reads the whole state and checks that it is consistent. nullopt: all column families are empty,
// because making the journal was interrupted. Messages begin with "it": the caller says which.
Result<std::optional<StoreState>> LoadState(const Database& database);

}  // namespace cj
