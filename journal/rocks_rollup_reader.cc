#include "journal/rocks_rollup_reader.h"

#include "journal/keys.h"
#include "journal/rocks_status.h"

namespace cj {

RollupReader::RollupReader(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* rollups,
                           std::vector<RollupPart> parts, SequenceNumber after)
    : parts_(std::move(parts)), after_(after) {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  iterator_.reset(db.NewIterator(options, rollups));
}

Result<bool> RollupReader::Advance() {
  for (;;) {
    if (in_row_ && ++at_ == row_.size()) in_row_ = false;
    if (!in_row_) {
      CJ_ASSIGN_OR_RETURN(in_row_, NextRow());
      if (!in_row_) return false;
      at_ = 0;
    }
    if (row_.sequence(at_) > after_) return true;
  }
}

// False at the end of the last part.
Result<bool> RollupReader::NextRow() {
  for (; part_ < parts_.size(); ++part_, begun_ = false) {
    const RollupPart& part = parts_[part_];
    if (begun_ && read_ == part.records) continue;
    begun_ ? iterator_->Next() : Begin(part);
    begun_ = true;
    CJ_RETURN_IF_ERROR(ReadRow());
    return true;
  }
  return false;
}

// To its first row that may have a record that is wanted.
void RollupReader::Begin(const RollupPart& part) {
  read_ = 0;
  const std::string first = RollupKey({part.block, SequenceNumber(0)});
  iterator_->SeekForPrev(RollupKey({part.block, after_.Next()}));
  goes_on_ = iterator_->Valid() && iterator_->key().compare(first) >= 0;
  if (!goes_on_ && iterator_->status().ok()) iterator_->Seek(first);
}

Status RollupReader::ReadRow() {
  const RollupPart& part = parts_[part_];
  CJ_RETURN_IF_ERROR(FromRocks(iterator_->status(), "reading the journal's rollups"));
  const Error damaged{ErrorCode::kCorruption, "the rollup of the journal's periods from " +
                                                  std::to_string(part.block.first.value) +
                                                  " on has not all of its records"};
  if (!iterator_->Valid()) return damaged;
  const rocksdb::Slice key = iterator_->key();
  CJ_ASSIGN_OR_RETURN(const RollupRowKey row, ParseRollupKey({key.data(), key.size()}));
  if (row.block != part.block || row.first <= last_) return damaged;
  const rocksdb::Slice value = iterator_->value();
  CJ_RETURN_IF_ERROR(row_.Parse(part.block.first, row.first, {value.data(), value.size()}));
  const std::size_t count = row_.size();
  // What was passed over is not read again.
  if (goes_on_) read_ = row_.before();
  goes_on_ = false;
  if (row_.before() != read_ || read_ > part.records || part.records - read_ < count) {
    return damaged;
  }
  read_ += count;
  last_ = row_.sequence(count - 1);
  const bool ends_well = read_ < part.records ? last_ < part.last : last_ == part.last;
  if (!ends_well || row_.period(count - 1) >= part.block.until()) return damaged;
  return {};
}

}  // namespace cj
