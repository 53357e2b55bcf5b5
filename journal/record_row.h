// A row of the column family `records`: many records under the key of the first one
// (docs/format.md). What RocksDB takes for a row, in its log, its memory and each compaction, is
// more than what a record is worth; so the records of one drain share rows. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "journal/record_codec.h"

namespace cj {

// No row has more records: what a reader keeps of a row is bounded, whatever the bytes say, and
// 256 make the cost of a row small beside that of its records.
inline constexpr std::size_t kMostRowRecords = 256;
// A row that has so many bytes takes no further record, so that it exceeds this by one at most. It
// is half of the block that RocksDB compresses at once (rocks_options.cc): blocks stay near their
// size, and a scan that begins in the middle of a row reads little for nothing.
inline constexpr std::size_t kFullRowBytes = 16 << 10;

// Writes rows one after another, reusing their memory.
class RowWriter {
 public:
  // Begins a row without records, of a period that started at `period_start_usec`.
  void Begin(std::int64_t period_start_usec);
  // The next record of the row. The one that was added before must still be where it was.
  void Add(const Record& record);
  bool empty() const { return count_ == 0; }
  bool full() const { return count_ >= kMostRowRecords || body_.size() >= kFullRowBytes; }
  // The value is `head` and then `body`, which are good until the next call. Not of an empty row.
  std::string_view Head();
  std::string_view body() const { return body_; }

 private:
  std::int64_t period_start_usec_ = 0;
  std::size_t count_ = 0;
  const Record* before_ = nullptr;
  std::string head_;
  std::string body_;
};

// Reads rows one after another, of this version of the format and of those before, reusing memory.
class RowReader {
 public:
  // Reads the whole row; the bytes of `value` are referred to until the next call. kCorruption: it
  // is no row, and there is nothing to be had.
  Status Parse(std::string_view value);
  // How many numbers the row has: one for each record, and one for a record that was lost.
  std::size_t size() const { return lost_ ? 1 : count_; }
  // An empty value: the one record went with a disk, and its period has a gap.
  bool lost() const { return lost_; }
  // The record at `index` below size(), but for its period and sequence. Not of a lost one.
  void Get(std::size_t index, std::int64_t period_start_usec, Record* record) const;

 private:
  std::vector<RecordView> records_;  // at least count_; those behind are memory for later rows
  std::size_t count_ = 0;
  bool lost_ = false;
};

}  // namespace cj
