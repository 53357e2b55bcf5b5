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
  while (part_ < parts_.size()) {
    const RollupPart& part = parts_[part_];
    if (!begun_) {
      iterator_->Seek(RollupKey({part.block, SequenceNumber(0)}));
      begun_ = true;
      read_ = 0;
    } else if (read_ < part.records) {
      iterator_->Next();
    }
    if (read_ < part.records) {
      CJ_RETURN_IF_ERROR(ReadRow());
      return true;
    }
    begun_ = false;
    ++part_;
  }
  return false;
}

Status RollupReader::ReadRow() {
  const RollupPart& part = parts_[part_];
  CJ_RETURN_IF_ERROR(FromRocks(iterator_->status(), "reading the journal's rollups"));
  const Error damaged{ErrorCode::kCorruption,
                      "the journal is damaged: the rollup of its periods from " +
                          std::to_string(part.block.first.value) +
                          " on has not all of its records; what needs it cannot be answered"};
  if (!iterator_->Valid()) return damaged;
  const rocksdb::Slice key = iterator_->key();
  CJ_ASSIGN_OR_RETURN(const RollupRowKey row, ParseRollupKey({key.data(), key.size()}));
  if (row.block != part.block || row.first <= last_) return damaged;
  const rocksdb::Slice value = iterator_->value();
  CJ_RETURN_IF_ERROR(row_.Parse(part.block.first, row.first, {value.data(), value.size()}));
  const std::size_t count = row_.size();
  if (row_.period(count - 1) >= part.block.until() || part.records - read_ < count) return damaged;
  last_ = row_.sequence(count - 1);
  read_ += count;
  return {};
}

}  // namespace cj
