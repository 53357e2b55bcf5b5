#include "journal/record_row.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"

namespace cj {
namespace {

// A row of version 3 and before is one record, which begins with its operations; those of a row
// that begins like this would be none.
constexpr char kManyRecords = '\0';

Error Damaged(const std::string& what) {
  return Error{ErrorCode::kCorruption, "a damaged row of records in the journal: " + what};
}

}  // namespace

void RowWriter::Begin(std::int64_t period_start_usec) {
  period_start_usec_ = period_start_usec;
  count_ = 0;
  before_ = nullptr;
  body_.clear();
}

void RowWriter::Add(const Record& record) {
  EncodeRecord(record, before_, period_start_usec_, &body_);
  before_ = &record;
  ++count_;
}

std::string_view RowWriter::Head() {
  CJ_CHECK(count_ > 0 && count_ <= kMostRowRecords, "a row of no records or of too many");
  head_.assign(1, kManyRecords);
  ByteWriter(&head_).Varint(count_);
  return head_;
}

Status RowReader::Parse(std::string_view value) {
  count_ = 0;
  lost_ = value.empty();
  if (lost_) return {};
  ByteReader reader(value);
  std::uint64_t count = 1;
  if (value.front() == kManyRecords) {
    reader.Byte();
    count = reader.Varint();
    if (!reader.ok() || count == 0 || count > kMostRowRecords) {
      return Damaged("it tells no possible number of records");
    }
  }
  if (reader.remaining() / kLeastRecordBytes < count) {
    return Damaged("it is too short for its " + std::to_string(count) + " records");
  }
  if (records_.size() < count) records_.resize(count);
  for (std::size_t i = 0; i < count; ++i) {
    CJ_RETURN_IF_ERROR(TakeRecord(reader, i == 0 ? nullptr : &records_[i - 1], &records_[i]));
  }
  if (!reader.Done()) return Damaged("something follows its last record");
  count_ = count;
  return {};
}

void RowReader::Get(std::size_t index, std::int64_t period_start_usec, Record* record) const {
  CJ_CHECK(index < count_, "a record that the row does not have");
  CopyRecord(records_[index], period_start_usec, record);
}

}  // namespace cj
