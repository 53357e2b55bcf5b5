// The scan of records in a RocksStore. Used only by rocks_store.cc.
#pragma once

#include <rocksdb/db.h>

#include <memory>
#include <string>
#include <vector>

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

// Records have no gaps in their numbers, so the cursor knows which one must come next: a record
// that is missing is kCorruption, not an answer that is silently partial.
class RocksCursor : public RecordCursor {
 public:
  // The snapshot is taken here; reading starts with the first Next().
  RocksCursor(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* records, CursorPlan plan);
  Result<bool> Next(Record* record) override;

 private:
  void Step();
  Status Check(SequenceNumber now);
  Result<bool> Finish();

  const CursorPlan plan_;
  std::string lower_key_;
  std::string upper_key_;
  rocksdb::Slice lower_;
  rocksdb::Slice upper_;
  std::unique_ptr<rocksdb::Iterator> iterator_;  // null when there is nothing to read
  bool started_ = false;
  bool finished_ = false;
  SequenceNumber last_;  // seen; meaningful once one was
  bool seen_ = false;
};

}  // namespace cj
