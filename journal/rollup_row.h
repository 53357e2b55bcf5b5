// A row of the column family `rollups`: records that were left over of many, with their periods and
// numbers, which do not follow one another (docs/format.md). Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "journal/record_codec.h"

namespace cj {

struct RollupRow {
  SequenceNumber first;  // of its first record, and part of its key
  std::string value;
};

// Writes the rows of one rollup. The limits of a row are those of record_row.h.
class RollupRowWriter {
 public:
  // Of periods from `first` on, which started at `start_usec`.
  RollupRowWriter(PeriodId first, std::int64_t start_usec)
      : period_(first), start_usec_(start_usec) {}
  // Numbers grow, and periods do not fall.
  void Add(const Record& record);
  // Of all rows so far.
  std::size_t bytes() const { return bytes_ + body_.size(); }
  // All of them. It is of no use any more.
  std::vector<RollupRow> Finish();

 private:
  void EndRow();

  const PeriodId period_;
  const std::int64_t start_usec_;
  std::vector<RollupRow> rows_;
  std::size_t bytes_ = 0;
  std::uint64_t before_row_ = 0;  // records in the rows before
  std::size_t count_ = 0;         // in the row that is being written
  SequenceNumber first_;
  Record before_;
  std::string body_;
};

class RollupRowReader {
 public:
  // As RowReader::Parse. `period` and `first` are of its key.
  Status Parse(PeriodId period, SequenceNumber first, std::string_view value);
  std::size_t size() const { return entries_.size(); }
  // How many records the rollup has before this row.
  std::uint64_t before() const { return before_; }
  PeriodId period(std::size_t index) const { return entries_[index].period; }
  SequenceNumber sequence(std::size_t index) const { return entries_[index].sequence; }
  // `start_usec`: of the rollup.
  void Get(std::size_t index, std::int64_t start_usec, Record* record) const;

 private:
  struct Entry {
    PeriodId period;
    SequenceNumber sequence;
    RecordView record;
  };
  std::uint64_t before_ = 0;
  std::vector<Entry> entries_;
};

}  // namespace cj
