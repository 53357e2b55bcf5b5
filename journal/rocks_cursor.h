// The scan of records in a RocksStore. Used only by rocks_store.cc.
#pragma once

#include <rocksdb/db.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/thread_annotations.h"
#include "journal/keys.h"
#include "journal/store.h"

namespace cj {

// What a cursor has to read, taken from the store's memory at the moment of its snapshot.
struct CursorPlan {
  std::vector<PeriodInfo> periods;  // of the range, from the one that `begin` is in; may be empty
  SequenceNumber begin;             // first record to be found
  SequenceNumber end;               // one past the last
  bool open_ended = false;          // the last period is open: records past `end` may be there
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

 private:
  Mutex mutex_;  // taken before a cursor's own
  std::set<RocksCursor*> cursors_ GUARDED_BY(mutex_);
};

// Records have no gaps in their numbers, so the cursor knows which one must come next: a record
// that is missing is kCorruption, not an answer that is silently partial.
class RocksCursor : public RecordCursor {
 public:
  // The snapshot is taken here; reading starts with the first Next().
  RocksCursor(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* records, CursorPlan plan,
              std::shared_ptr<CursorRegistry> registry);
  ~RocksCursor() override;
  RocksCursor(const RocksCursor&) = delete;
  RocksCursor& operator=(const RocksCursor&) = delete;
  // kBusy when the cursor was cut off: ask again.
  Result<bool> Next(Record* record) override EXCLUDES(mutex_);
  void Abandon() EXCLUDES(mutex_);

 private:
  void Step() REQUIRES(mutex_);
  Status Check(SequenceNumber now);
  Result<bool> Finish() REQUIRES(mutex_);

  const CursorPlan plan_;
  std::string lower_key_;
  std::string upper_key_;
  rocksdb::Slice lower_;
  rocksdb::Slice upper_;
  const std::shared_ptr<CursorRegistry> registry_;
  Mutex mutex_;
  // Null when there is nothing to read.
  std::unique_ptr<rocksdb::Iterator> iterator_ GUARDED_BY(mutex_);
  bool abandoned_ GUARDED_BY(mutex_) = false;
  bool started_ = false;
  bool finished_ = false;
  SequenceNumber last_;  // seen; meaningful once one was
  bool seen_ = false;
};

}  // namespace cj
