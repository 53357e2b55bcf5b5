#include "journal/rocks_cursor.h"

#include <algorithm>
#include <limits>

#include "journal/rocks_status.h"

namespace cj {
namespace {

// Scans go through whole periods: larger reads than RocksDB's own guess, and its cache left alone.
constexpr std::size_t kReadaheadBytes = 256 << 10;

Error Missing(std::uint64_t sequence) {
  return Error{ErrorCode::kCorruption, "the journal is damaged: its record " +
                                           std::to_string(sequence) +
                                           " is missing; what needs it cannot be answered"};
}

Error BadRow(SequenceNumber first, const std::string& what) {
  return Error{ErrorCode::kCorruption, "the journal is damaged: its row of records from " +
                                           std::to_string(first.value) + " on " + what +
                                           "; what needs it cannot be answered"};
}

}  // namespace

void CursorRegistry::Add(RocksCursor* cursor) {
  MutexLock lock(mutex_);
  cursors_.insert(cursor);
}

void CursorRegistry::Remove(RocksCursor* cursor) {
  MutexLock lock(mutex_);
  cursor->Abandon();
  cursors_.erase(cursor);
}

void CursorRegistry::AbandonAll() {
  MutexLock lock(mutex_);
  for (RocksCursor* cursor : cursors_) cursor->Abandon();
}

RocksCursor::RocksCursor(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* records, CursorPlan plan,
                         std::shared_ptr<CursorRegistry> registry)
    : plan_(std::move(plan)), registry_(std::move(registry)) {
  registry_->Add(this);
  MutexLock lock(mutex_);
  edge_ = plan_.reverse ? plan_.end : plan_.begin;
  if (plan_.periods.empty() || plan_.begin >= plan_.end) return;
  // The row with the first record may begin before it, but not before its period.
  lower_key_ = RecordKey({plan_.periods.front().id, SequenceNumber(0)});
  upper_key_ = RecordKey({plan_.periods.back().id.Next(), SequenceNumber(0)});
  lower_ = lower_key_;
  upper_ = upper_key_;
  rocksdb::ReadOptions options;
  options.iterate_lower_bound = &lower_;
  options.iterate_upper_bound = &upper_;
  options.fill_cache = false;
  if (!plan_.reverse) options.readahead_size = kReadaheadBytes;
  iterator_.reset(db.NewIterator(options, records));
}

RocksCursor::~RocksCursor() { registry_->Remove(this); }

void RocksCursor::Abandon() {
  MutexLock lock(mutex_);
  abandoned_ = abandoned_ || iterator_ != nullptr;
  iterator_.reset();
}

// To the row that has the first record to be given. Forward it may be one that ends before it.
void RocksCursor::Seek() {
  started_ = true;
  const PeriodInfo& front = plan_.periods.front();
  if (plan_.reverse) {
    const SequenceNumber last(plan_.end.value - 1);
    iterator_->SeekForPrev(RecordKey({plan_.periods.back().id, last}));
  } else if (plan_.begin == front.first_sequence) {
    iterator_->SeekToFirst();
  } else {
    iterator_->SeekForPrev(RecordKey({front.id, plan_.begin}));
    if (!iterator_->Valid() && iterator_->status().ok()) iterator_->SeekToFirst();
  }
}

// Reads the row that the iterator is at.
Status RocksCursor::ReadRow() {
  const rocksdb::Slice key = iterator_->key();
  CJ_ASSIGN_OR_RETURN(const RecordPosition position, ParseRecordKey({key.data(), key.size()}));
  const rocksdb::Slice value = iterator_->value();
  first_ = position.sequence;
  const Status parsed = row_.Parse({value.data(), value.size()});
  if (!parsed) return BadRow(first_, "cannot be read: " + parsed.error().message);
  // Within the bounds, so the period is one of the plan's.
  period_ = &plan_.periods[static_cast<std::size_t>(position.period.value -
                                                    plan_.periods.front().id.value)];
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t end =
      period_->open() ? most : period_->first_sequence.value + period_->record_count;
  if (first_ < period_->first_sequence) return BadRow(first_, "begins before its period");
  if (first_.value > end || end - first_.value < row_.size()) {
    return BadRow(first_, "reaches over the end of its period");
  }
  return {};
}

// Rows follow one another without a gap, and what is asked for is in them: what the row has of it
// is to be given.
Status RocksCursor::TakeRow(bool seeking) {
  const SequenceNumber end(first_.value + row_.size());
  begin_ = end_ = 0;
  if (plan_.reverse) {
    if (end < edge_) return Missing(edge_.value - 1);
    if (!seeking && end > edge_) return BadRow(first_, "has records that the next has as well");
  } else {
    if (first_ > edge_) return Missing(edge_.value);
    if (seeking && end <= edge_) return {};  // the one before
    if (!seeking && first_ < edge_) {
      return BadRow(first_, "has records that the one before has as well");
    }
  }
  const SequenceNumber from = std::max(first_, plan_.begin);
  const SequenceNumber until = std::min(end, plan_.end);
  edge_ = plan_.reverse ? from : until;
  if (row_.lost()) return CheckLoss();
  begin_ = static_cast<std::size_t>(from.value - first_.value);
  end_ = static_cast<std::size_t>(until.value - first_.value);
  return {};
}

// What went with a disk is a gap of its period.
Status RocksCursor::CheckLoss() const {
  if (!period_->gaps.empty()) return {};
  return Error{ErrorCode::kRescanNeeded, "record " + std::to_string(first_.value) + " of period " +
                                             std::to_string(period_->id.value) +
                                             " has been lost with the journal's disk"};
}

// False at the end.
Result<bool> RocksCursor::NextRow() {
  while (begin_ == end_) {
    if (plan_.reverse ? edge_ <= plan_.begin : edge_ >= plan_.end) return false;
    const bool seeking = !started_;
    if (seeking) {
      Seek();
    } else {
      plan_.reverse ? iterator_->Prev() : iterator_->Next();
    }
    if (!iterator_->Valid()) {
      CJ_RETURN_IF_ERROR(FromRocks(iterator_->status(), "reading the journal's records"));
      return Missing(plan_.reverse ? edge_.value - 1 : edge_.value);
    }
    CJ_RETURN_IF_ERROR(ReadRow());
    CJ_RETURN_IF_ERROR(TakeRow(seeking));
  }
  return true;
}

Result<bool> RocksCursor::Next(Record* record) {
  MutexLock lock(mutex_);
  if (abandoned_ && !finished_) {
    return Error{ErrorCode::kBusy,
                 "the journal was opened again after an error of the disk, or closed; ask again"};
  }
  if (failure_) return *failure_;
  if (!iterator_ || finished_) return false;
  Result<bool> more = NextRow();
  if (!more) failure_ = more.error();
  if (!more || !*more) {
    finished_ = true;
    return more;
  }
  const std::size_t index = plan_.reverse ? --end_ : begin_++;
  row_.Get(index, period_->start_usec, record);
  record->period = period_->id;
  record->sequence = SequenceNumber(first_.value + index);
  return true;
}

}  // namespace cj
