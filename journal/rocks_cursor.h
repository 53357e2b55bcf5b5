// The scan of records in a RocksStore. Used only by rocks_store.cc.
#pragma once

#include <rocksdb/db.h>

#include <atomic>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/thread_annotations.h"
#include "journal/keys.h"
#include "journal/record_row.h"
#include "journal/rocks_rollup_reader.h"
#include "journal/store.h"

namespace cj {

// Of a period, what reading its records takes.
struct PeriodRecords {
  PeriodId id;
  SequenceNumber first;
  SequenceNumber end;  // one past its last record; without a limit where the period is open
  std::int64_t start_usec = 0;
  bool has_gaps = false;
};

// Records that follow one another: from `begin` up to before `end`.
struct SequenceRange {
  SequenceNumber begin;
  SequenceNumber end;
};

// What a cursor has to read, taken from the store's memory at the moment of its snapshot.
struct CursorPlan {
  std::vector<PeriodRecords> periods;  // those whose own records are read
  // Of these periods, in order. None is empty, and none touches the next. In reverse there is one
  // at most.
  std::vector<SequenceRange> ranges;
  // Instead of the periods between the ranges.
  std::vector<RollupPart> rollups;
  SequenceNumber after;  // records up to this one are not wanted
  bool reverse = false;
};

class RocksCursor;

// The cursors of one store, so that they can be cut off from a database that has to be closed: a
// reader that is slow must not keep the store from going on. Any thread.
class CursorRegistry {
 public:
  void Add(RocksCursor* cursor) EXCLUDES(mutex_);
  // Cuts it off, too: its iterator is gone before the database can be.
  void Remove(RocksCursor* cursor) EXCLUDES(mutex_);
  void AbandonAll() EXCLUDES(mutex_);

  // A rollup could not be read: no scan is to use any from now on.
  void NoteBadRollup() { bad_rollup_ = true; }
  bool has_bad_rollup() const { return bad_rollup_; }

 private:
  std::atomic<bool> bad_rollup_ = false;
  Mutex mutex_;  // taken before a cursor's own
  std::set<RocksCursor*> cursors_ GUARDED_BY(mutex_);
};

// Records have no gaps in their numbers, so the cursor knows which one must come next: a record
// that is missing, or there twice, is kCorruption, not an answer that is silently partial.
class RocksCursor : public RecordCursor {
 public:
  // The snapshot is taken here; reading starts with the first Next().
  RocksCursor(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* records,
              rocksdb::ColumnFamilyHandle* rollups, CursorPlan plan,
              std::shared_ptr<CursorRegistry> registry);
  ~RocksCursor() override;
  RocksCursor(const RocksCursor&) = delete;
  RocksCursor& operator=(const RocksCursor&) = delete;
  // kBusy when the cursor was cut off, or a rollup is damaged: ask again. kRescanNeeded: a record
  // was lost, and no gap says so.
  Result<bool> Next(Record* record) override EXCLUDES(mutex_);
  PeriodId Resume(const Record& last) const override EXCLUDES(mutex_);
  void Abandon() EXCLUDES(mutex_);

 private:
  void OpenRecords(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* records) REQUIRES(mutex_);
  Result<bool> NextOfBoth(Record* record) REQUIRES(mutex_);
  Status NextOfRollups() REQUIRES(mutex_);
  void TakeRecord(Record* record);
  Status CheckLoss() const;
  Result<bool> NextRow() REQUIRES(mutex_);
  void Seek() REQUIRES(mutex_);
  Status ReadRow(bool seeking) REQUIRES(mutex_);
  Status TakeRow(bool seeking);
  const PeriodRecords* FindPeriod(PeriodId id) const;

  const CursorPlan plan_;
  std::string lower_key_;
  std::string upper_key_;
  rocksdb::Slice lower_;
  rocksdb::Slice upper_;
  const std::shared_ptr<CursorRegistry> registry_;
  mutable Mutex mutex_;
  // Null when there is nothing to read of them.
  std::unique_ptr<rocksdb::Iterator> iterator_ GUARDED_BY(mutex_);
  std::unique_ptr<RollupReader> rollups_ GUARDED_BY(mutex_);
  bool rolled_up_ GUARDED_BY(mutex_) = false;  // rollups_ is at a record
  // The record that was given last is of the rollup that begins with this period.
  std::optional<PeriodId> rollup_;
  bool abandoned_ GUARDED_BY(mutex_) = false;
  std::size_t range_ = 0;  // of the plan's, the one that is being read
  bool started_ = false;   // ... and its first row has been found
  bool finished_ = false;
  std::optional<Error> failure_;  // said again to whoever goes on after it
  // The row that the iterator is at; it refers to the iterator's bytes, which stay until it moves.
  RowReader row_;
  const PeriodRecords* period_ = nullptr;  // of the row, in the plan
  SequenceNumber first_;                   // of the row
  // Of its records, by index, these are still to be given: from begin_, up to before end_.
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  // Forward: the number that the next row must begin with. In reverse: that it must end before.
  SequenceNumber edge_;
};

}  // namespace cj
