// The journal's store on RocksDB. What Store promises (store.h), and:
//
//   * one directory of mode 0700, one process at a time;
//   * opening refuses, before it has written anything, what is damaged, newer or not ours;
//   * after a write has failed nothing is acknowledged until the database has been opened again,
//     which later calls that write do when the disk allows it (DatabaseKeeper). Until then they
//     fail with the reason; reading goes on. What was refused is not there: a batch may be given
//     again as it was, or another in its place;
//   * a scan from a dropped period that had anything is kRescanNeeded, and one that began before
//   the drop still sees all;
//   * a scan that misses a record which was stored is kCorruption, never a shorter answer;
//   * a cursor is kBusy once the database had to be opened again under it, or its store is gone.
//
// Threads as in store.h.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/thread_annotations.h"
#include "journal/keys.h"
#include "journal/period_table.h"
#include "journal/record_row.h"
#include "journal/rollup_row.h"
#include "journal/rollup_table.h"
#include "journal/store.h"

namespace rocksdb {
class Env;
class Status;
class WriteBatch;
}  // namespace rocksdb

namespace cj {

class Database;
class DatabaseKeeper;
struct CursorPlan;
struct PeriodRecords;
struct StoreState;

struct RocksStoreOptions {
  bool create = true;                     // make a new journal where there is none
  const Clock* clock = &Clock::System();  // outlives the store
  rocksdb::Env* env = nullptr;  // null: the system; outlives the store. For fault injection
};

class RocksStore : public Store {
 public:
  RocksStore(std::string directory, std::unique_ptr<DatabaseKeeper> keeper, StoreState state);
  ~RocksStore() override;
  std::uint64_t losses() const override EXCLUDES(mutex_);
  std::uint64_t gap_changes() const override { return gap_changes_; }

  // Numbers of `batch.records` continue next_sequence(), and batch.period is the open one.
  Status Append(const Batch& batch) override EXCLUDES(write_mutex_, mutex_);
  // `opened` follows `sealed`, the open period. first_sequence and record_count of both are counted
  // here, whatever the caller has put into them; the rest is stored as given.
  Status Advance(const Batch& last, const PeriodInfo& sealed, const PeriodInfo& opened) override
      EXCLUDES(write_mutex_, mutex_);
  Status Sync() override EXCLUDES(write_mutex_);
  Status AddGap(const Gap& gap) override EXCLUDES(write_mutex_, mutex_);

  Status FillGaps(const std::vector<GapFill>& fills, std::uint64_t losses) override
      EXCLUDES(write_mutex_, mutex_);
  Status KeepCrawlNote(const std::string& note, std::uint64_t losses) override
      EXCLUDES(write_mutex_, mutex_);
  Status KeepWatched(const std::string& text) override EXCLUDES(write_mutex_, mutex_);
  Result<std::string> Watched() const override;
  Result<std::string> CrawlNote() const override;

  JournalId journal_id() const override { return journal_; }
  SequenceNumber next_sequence() const override EXCLUDES(mutex_);
  SpoolPosition spool_position() const override EXCLUDES(mutex_);
  std::vector<PeriodInfo> Periods() const override EXCLUDES(mutex_);
  PeriodInfo OpenPeriod() const override EXCLUDES(mutex_);
  PeriodInfo OldestPeriod() const override EXCLUDES(mutex_);
  std::vector<PeriodInfo> PeriodsWithGaps(PeriodId from, PeriodId until) const override
      EXCLUDES(mutex_);
  std::vector<PeriodStart> PeriodStarts() const override EXCLUDES(mutex_);
  StoreEnds Ends() const override EXCLUDES(mutex_);
  std::optional<PeriodInfo> FindPeriod(PeriodId id) const override EXCLUDES(mutex_);
  PeriodInfo PeriodOf(SequenceNumber sequence) const override EXCLUDES(mutex_);

  std::vector<Consumer> Consumers() const override EXCLUDES(mutex_);
  std::optional<Consumer> FindConsumer(const std::string& name) const override EXCLUDES(mutex_);
  Status EditConsumer(const std::string& name, const ConsumerEdit& edit, bool sync) override
      EXCLUDES(write_mutex_, mutex_);

  // range.from 0 is the oldest period; range.until may lie beyond the open one. kRescanNeeded when
  // range.from has been dropped, and not only quiet periods with it.
  Result<std::unique_ptr<RecordCursor>> Scan(const ScanRange& range) const override
      EXCLUDES(mutex_);
  Result<std::optional<DeadDirectory>> FindDeadDirectory(VolumeId volume,
                                                         const FileHandle& directory) const override
      EXCLUDES(mutex_);
  Result<std::vector<LinkName>> FindLinkNames(VolumeId volume,
                                              const FileHandle& object) const override;
  Status AddLinkNames(const std::vector<LinkName>& names) override EXCLUDES(write_mutex_);
  Result<ActorSpan> FindActor(PeriodId period, std::int32_t pid,
                              SequenceNumber sequence) const override;
  Result<bool> HasActors(PeriodId period) const override;
  Result<VolumeId> InternVolume(const VolumeIdentity& identity) override EXCLUDES(write_mutex_);

  // Reads what it has to through the store, writes it in one write that is not synced: what power
  // loss takes is made again.
  Result<bool> RollUp(const std::function<bool()>& cancelled) override
      EXCLUDES(rollup_mutex_, write_mutex_, mutex_);

  // Blocks while the files at the edge of what is dropped are rewritten, so that the space is free
  // when it returns but for what open cursors hold. kNotFound when `oldest` does not exist.
  Status DropPeriodsBefore(PeriodId oldest) override EXCLUDES(drop_mutex_, write_mutex_, mutex_);
  std::uint64_t ApproximateSize(PeriodId from, PeriodId until) const override;
  Result<std::uint64_t> DiskUsage() const override;

  // Rewrites everything in its densest form. For measuring and for tests; takes as long as it
  // takes.
  Status Compact();

 private:
  Result<std::string> Meta(const char* key, const std::string& what) const;
  // The database to write to, opened again where the last write failed.
  Status CheckNothingLost(std::uint64_t losses) const EXCLUDES(mutex_);
  Result<std::shared_ptr<Database>> Writable() REQUIRES(write_mutex_) EXCLUDES(mutex_);
  // Adds what `batch` holds: its records in as few rows as there can be. `period` is the open one.
  void AddBatch(const Database& database, const Batch& batch, const PeriodInfo& period,
                rocksdb::WriteBatch* writes) REQUIRES(write_mutex_);
  void AddRows(const Database& database, const std::vector<Record>& records,
               const PeriodInfo& period, rocksdb::WriteBatch* writes) REQUIRES(write_mutex_);
  // Adds what is in row_, whose first record is at `first`.
  void PutRow(const Database& database, const RecordPosition& first, rocksdb::WriteBatch* writes)
      REQUIRES(write_mutex_);
  Status Write(const Database& database, rocksdb::WriteBatch* writes, bool sync, const char* what)
      REQUIRES(write_mutex_);
  // The records and periods before `oldest`, on disk.
  struct Drop;
  Status WriteDrop(Drop drop) EXCLUDES(write_mutex_, mutex_);
  Status WriteDropLocked(const Drop& drop) REQUIRES(write_mutex_) EXCLUDES(mutex_);
  // rocks_actors.cc
  void AddActors(const Database& database, const Batch& batch, PeriodId period,
                 rocksdb::WriteBatch* writes) REQUIRES(write_mutex_);
  static rocksdb::Status DropActors(const Database& database, PeriodId oldest,
                                    rocksdb::WriteBatch* writes);
  // rocks_scan.cc
  PeriodRecords RecordsOf(PeriodId id) const REQUIRES(mutex_);
  void PlanPeriods(PeriodId from, PeriodId until, CursorPlan* plan) const REQUIRES(mutex_);
  void PlanPart(const ScanPart& part, CursorPlan* plan) const REQUIRES(mutex_);
  Result<std::unique_ptr<RecordCursor>> OpenCursor(CursorPlan plan) const REQUIRES(mutex_);
  // rocks_rollups.cc
  struct RollupWork;
  std::optional<RollupWork> NextRollup() const EXCLUDES(mutex_);
  std::uint64_t CostOf(const std::vector<ScanPart>& parts) const REQUIRES(mutex_);
  Result<RollupState> MakeRollup(const RollupWork& work, const std::function<bool()>& cancelled,
                                 std::vector<RollupRow>* rows) const EXCLUDES(mutex_);
  Status WriteRollup(const RollupBlock& block, const RollupState& state,
                     const std::vector<RollupRow>& rows) EXCLUDES(write_mutex_, mutex_);
  struct RollupPartOfRows;
  Status WritePart(const RollupPartOfRows& part) EXCLUDES(write_mutex_, mutex_);
  Status NoteBadRollups() EXCLUDES(write_mutex_, mutex_);
  // As it is in the database: its record_count is not kept.
  PeriodInfo StoredOpenPeriod() const EXCLUDES(mutex_);
  Result<CursorPlan> PlanScan(const ScanRange& range) const REQUIRES(mutex_);

  const std::string directory_;
  const std::unique_ptr<DatabaseKeeper> keeper_;
  const JournalId journal_;

  // Locks are taken in this order.
  Mutex rollup_mutex_;  // one rollup at a time
  bool bad_rollups_noted_ GUARDED_BY(rollup_mutex_) = false;
  Mutex drop_mutex_;   // one drop at a time
  Mutex write_mutex_;  // one write at a time: none slips in between a failure and its cure
  std::string key_ GUARDED_BY(write_mutex_);  // memory that every append reuses
  std::string value_ GUARDED_BY(write_mutex_);
  RowWriter row_ GUARDED_BY(write_mutex_);
  std::map<VolumeIdentity, VolumeId> volumes_ GUARDED_BY(write_mutex_);
  std::optional<bool> attributed_ GUARDED_BY(write_mutex_);  // Batch::attributed of the last one

  mutable Mutex mutex_;
  PeriodTable periods_ GUARDED_BY(mutex_);  // the open one's record_count is not kept
  PeriodId quiet_since_ GUARDED_BY(mutex_);
  std::map<std::string, Consumer> consumers_ GUARDED_BY(mutex_);
  RollupTable rollups_ GUARDED_BY(mutex_);
  std::uint64_t rollups_of_ GUARDED_BY(mutex_) =
      0;  // the keeper's openings() when they were loaded
  SequenceNumber next_sequence_ GUARDED_BY(mutex_);
  std::uint64_t losses_ GUARDED_BY(mutex_) = 0;
  std::atomic<std::uint64_t> gap_changes_ = 0;
  SpoolPosition spool_ GUARDED_BY(mutex_);
};

// Opens the journal in `directory`, or makes one. The parent directory must exist. Errors, before
// anything was written but the directory itself:
//   kNotFound         nothing is there and options.create is false; the parent is not there
//   kBusy             in use by another process, which the message names, or by this one
//   kUnsupported      written by a newer version
//   kInvalidArgument  not a directory, a database of another program, or a directory that is open
//                     to other users and holds other things
//   kCorruption       damaged
//   kPermissionDenied, kIo, kLimit
Result<std::unique_ptr<RocksStore>> OpenRocksStore(const std::string& directory,
                                                   const RocksStoreOptions& options = {});

}  // namespace cj
