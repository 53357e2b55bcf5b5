#include "journal/rollup_row.h"

#include <limits>

#include "base/bytes.h"
#include "base/check.h"
#include "journal/record_row.h"

namespace cj {
namespace {

// A record's, and one byte each of its period and its number.
constexpr std::size_t kLeastEntryBytes = kLeastRecordBytes + 2;

Error Damaged(const std::string& what) {
  return Error{ErrorCode::kCorruption, "a damaged row of a rollup in the journal: " + what};
}

// False where there are no such numbers.
bool Advance(std::uint64_t by, std::uint64_t* number) {
  if (by > std::numeric_limits<std::uint64_t>::max() - *number) return false;
  *number += by;
  return true;
}

}  // namespace

void RollupRowWriter::Add(const Record& record) {
  CJ_CHECK(record.period >= period_, "a record from before its rollup");
  ByteWriter writer(&body_);
  if (count_ == 0) {
    first_ = record.sequence;
    writer.Varint(record.period.value - period_.value);
    writer.Varint(0);
  } else {
    CJ_CHECK(record.sequence > before_.sequence && record.period >= before_.period,
             "records of a rollup that are out of order");
    writer.Varint(record.period.value - before_.period.value);
    writer.Varint(record.sequence.value - before_.sequence.value);
  }
  EncodeRecord(record, count_ == 0 ? nullptr : &before_, start_usec_, &body_);
  before_ = record;
  if (++count_ >= kMostRowRecords || body_.size() >= kFullRowBytes) EndRow();
}

void RollupRowWriter::EndRow() {
  RollupRow row;
  row.first = first_;
  ByteWriter writer(&row.value);
  writer.Varint(before_row_);
  writer.Varint(count_);
  writer.Bytes(body_);
  bytes_ += row.value.size();
  rows_.push_back(std::move(row));
  before_row_ += count_;
  count_ = 0;
  body_.clear();
}

std::vector<RollupRow> RollupRowWriter::Finish() {
  if (count_ > 0) EndRow();
  return std::move(rows_);
}

Status RollupRowReader::Parse(PeriodId period, SequenceNumber first, std::string_view value) {
  entries_.clear();
  ByteReader reader(value);
  before_ = reader.Varint();
  const std::uint64_t count = reader.Varint();
  if (!reader.ok() || count == 0 || count > kMostRowRecords) {
    return Damaged("it tells no possible number of records");
  }
  if (reader.remaining() / kLeastEntryBytes < count) {
    return Damaged("it is too short for its " + std::to_string(count) + " records");
  }
  Entry entry{period, first, {}};
  for (std::uint64_t i = 0; i < count; ++i) {
    const RecordView* before = entries_.empty() ? nullptr : &entries_.back().record;
    const std::uint64_t periods = reader.Varint();
    const std::uint64_t numbers = reader.Varint();
    if (!reader.ok() || (numbers == 0) != (i == 0) || !Advance(periods, &entry.period.value) ||
        !Advance(numbers, &entry.sequence.value)) {
      return Damaged("its records do not follow one another");
    }
    CJ_RETURN_IF_ERROR(TakeRecord(reader, before, &entry.record));
    entries_.push_back(entry);
  }
  if (!reader.Done()) return Damaged("something follows its last record");
  return {};
}

void RollupRowReader::Get(std::size_t index, std::int64_t start_usec, Record* record) const {
  const Entry& entry = entries_.at(index);
  CopyRecord(entry.record, start_usec, record);
  record->period = entry.period;
  record->sequence = entry.sequence;
}

}  // namespace cj
