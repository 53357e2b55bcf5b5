// Reads rollups from RocksDB. Part of a RocksCursor, which says who may call it.
#pragma once

#include <rocksdb/db.h>

#include <memory>
#include <vector>

#include "base/result.h"
#include "journal/rollup_row.h"
#include "journal/rollup_table.h"

namespace cj {

// A rollup that is to be read.
struct RollupPart {
  RollupBlock block;
  std::uint64_t records = 0;    // that it has
  std::int64_t start_usec = 0;  // of its first period
  SequenceNumber last;          // its last record's number
};

class RollupReader {
 public:
  // The snapshot is taken here. `parts` in order; records with numbers up to `after` are passed
  // over.
  RollupReader(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* rollups, std::vector<RollupPart> parts,
               SequenceNumber after);

  // To the next record; false at the end. kCorruption: the rollup has not the records that were
  // stored, which are still where they were: whoever reads them as they are lacks nothing.
  Result<bool> Advance();
  // Of the record that it is at.
  SequenceNumber sequence() const { return row_.sequence(at_); }
  PeriodId part() const { return parts_[part_].block.first; }
  void Get(Record* record) const { row_.Get(at_, parts_[part_].start_usec, record); }

 private:
  Result<bool> NextRow();
  void Begin(const RollupPart& part);
  Status ReadRow();

  const std::vector<RollupPart> parts_;
  const SequenceNumber after_;
  std::unique_ptr<rocksdb::Iterator> iterator_;
  bool begun_ = false;    // parts_[part_] is being read
  bool goes_on_ = false;  // the first row to be read has, or follows, what is passed over
  std::size_t part_ = 0;
  std::uint64_t read_ = 0;  // of its records, with those that were passed over
  SequenceNumber last_;     // that was read
  RollupRowReader row_;
  std::size_t at_ = 0;
  bool in_row_ = false;
};

}  // namespace cj
