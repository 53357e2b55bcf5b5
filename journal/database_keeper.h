// The database of a store, and how it is replaced after an error. RocksDB stops writing when a
// write has failed. Its own way back, DB::Resume(), proved unfit (RocksDB 7.8.3 of Debian 12,
// measured with full disks and injected faults): it keeps a log that failed when all memtables are
// empty, and the next write then ends the process with an assertion; it can wait for ever for a
// flush that failed again; and it refuses all but a full disk. So the database is closed and opened
// again, which is the path that every start takes, and what a failed write may have left is taken
// back.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/thread_annotations.h"
#include "journal/rocks_cursor.h"
#include "journal/rocks_database.h"

namespace cj {

// Attempts to go on are this far apart at first, and twice as far after each that failed.
inline constexpr std::int64_t kReopenIntervalUsec = 1'000'000;
inline constexpr std::int64_t kReopenIntervalMostUsec = 10'000'000;
// Where the disk was full, nothing is attempted with less room than this: opening writes a little.
inline constexpr std::uint64_t kReopenRoomBytes = 4 << 20;

class DatabaseKeeper {
 public:
  // `env` and `clock` outlive the keeper.
  DatabaseKeeper(std::string directory, rocksdb::Env* env, const Clock& clock,
                 std::unique_ptr<Database> database);
  ~DatabaseKeeper();
  DatabaseKeeper(const DatabaseKeeper&) = delete;
  DatabaseKeeper& operator=(const DatabaseKeeper&) = delete;

  // The database for now. Give it back soon: while somebody has it, it cannot be replaced. An error
  // where it could not even be opened for reading. Any thread.
  Result<std::shared_ptr<Database>> Get() const EXCLUDES(mutex_);
  // Cursors may live long; they register here and are cut off when the database is replaced.
  const std::shared_ptr<CursorRegistry>& cursors() const { return cursors_; }

  // How often records were found to be gone, also where Reopen() has failed since. Any thread.
  std::uint64_t losses() const { return losses_; }

  // Since a write failed, and Reopen() has not succeeded. Any thread.
  bool failed() const { return failed_; }
  // How often it has been opened again. Any thread.
  std::uint64_t openings() const { return openings_; }

  // The rest is for whoever writes, one thread at a time.
  // A write failed: none may follow before Reopen() has succeeded.
  void Fail(const Error& error) EXCLUDES(mutex_);
  // Opens the database again and makes it what was `promised`: periods and records that were never
  // acknowledged are taken back. Records that were acknowledged and are gone, because nothing had
  // synced them, become a gap of the open period; empty values take their places. Returns what
  // is there then: `promised`, less the periods that a drop has taken, plus volumes, rollups, the
  // quiet stretch and that gap.
  // While it is too early to try, or it fails, the reason; reading goes on with what there is.
  Result<StoreState> Reopen(const StoreState& promised) EXCLUDES(mutex_);

 private:
  bool WorthTrying() const REQUIRES(mutex_);
  bool AwaitAlone() const REQUIRES(mutex_);
  Result<StoreState> Open(const StoreState& promised) REQUIRES(mutex_);

  const std::string directory_;
  rocksdb::Env* const env_;
  const Clock& clock_;
  const std::shared_ptr<CursorRegistry> cursors_ = std::make_shared<CursorRegistry>();

  std::atomic<bool> failed_ = false;
  std::atomic<std::uint64_t> openings_ = 0;
  std::atomic<std::uint64_t> losses_ = 0;
  std::int64_t next_attempt_usec_ = 0;
  std::int64_t interval_usec_ = kReopenIntervalUsec;

  mutable Mutex mutex_;
  // Records are gone, and nobody has been told: the rows in their places may be on disk already, so
  // that a later attempt finds nothing missing.
  bool lost_ GUARDED_BY(mutex_) = false;
  std::shared_ptr<Database> database_ GUARDED_BY(mutex_);
  std::optional<Error> error_ GUARDED_BY(mutex_);  // of the last failure
};

}  // namespace cj
