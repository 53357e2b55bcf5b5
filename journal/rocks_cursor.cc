#include "journal/rocks_cursor.h"

#include <algorithm>
#include <iterator>

#include "base/check.h"
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

RocksCursor::RocksCursor(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* records,
                         rocksdb::ColumnFamilyHandle* rollups, CursorPlan plan,
                         std::shared_ptr<CursorRegistry> registry)
    : plan_(std::move(plan)), registry_(std::move(registry)) {
  registry_->Add(this);
  MutexLock lock(mutex_);
  if (!plan_.ranges.empty()) OpenRecords(db, records);
  if (!plan_.rollups.empty()) {
    rollups_ = std::make_unique<RollupReader>(db, rollups, plan_.rollups, plan_.after);
  }
}

void RocksCursor::OpenRecords(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* records) {
  const SequenceRange& range = plan_.ranges.front();
  edge_ = plan_.reverse ? range.end : range.begin;
  // The row with the first record may begin before it, but not before its period.
  lower_key_ = RecordKey({plan_.periods.front().id, SequenceNumber(0)});
  upper_key_ = RecordKey({plan_.periods.back().id.Next(), SequenceNumber(0)});
  lower_ = lower_key_;
  upper_ = upper_key_;
  rocksdb::ReadOptions options;
  options.iterate_lower_bound = &lower_;
  options.iterate_upper_bound = &upper_;
  options.fill_cache = false;
  // What comes next is not read next where rollups are between the ranges.
  if (!plan_.reverse && plan_.ranges.size() == 1) options.readahead_size = kReadaheadBytes;
  iterator_.reset(db.NewIterator(options, records));
}

RocksCursor::~RocksCursor() { registry_->Remove(this); }

void RocksCursor::Abandon() {
  MutexLock lock(mutex_);
  abandoned_ = abandoned_ || iterator_ != nullptr || rollups_ != nullptr;
  iterator_.reset();
  rollups_.reset();
}

// Null: it is none of the plan's.
const PeriodRecords* RocksCursor::FindPeriod(PeriodId id) const {
  const auto found =
      std::lower_bound(plan_.periods.begin(), plan_.periods.end(), id,
                       [](const PeriodRecords& each, PeriodId wanted) { return each.id < wanted; });
  return found != plan_.periods.end() && found->id == id ? &*found : nullptr;
}

// To the row that has the first record to be given. Forward it may be one that ends before it.
void RocksCursor::Seek() {
  started_ = true;
  const SequenceNumber wanted = plan_.reverse ? SequenceNumber(edge_.value - 1) : edge_;
  // Of periods that begin with the same number the last one has it, the others are empty.
  const auto behind =
      std::upper_bound(plan_.periods.begin(), plan_.periods.end(), wanted,
                       [](SequenceNumber number, const auto& each) { return number < each.first; });
  CJ_CHECK(behind != plan_.periods.begin(), "a range of records that is in no period");
  iterator_->SeekForPrev(RecordKey({std::prev(behind)->id, wanted}));
  if (!plan_.reverse && !iterator_->Valid() && iterator_->status().ok()) iterator_->SeekToFirst();
}

// Reads the row that the iterator is at.
Status RocksCursor::ReadRow(bool seeking) {
  const rocksdb::Slice key = iterator_->key();
  CJ_ASSIGN_OR_RETURN(const RecordPosition position, ParseRecordKey({key.data(), key.size()}));
  const rocksdb::Slice value = iterator_->value();
  first_ = position.sequence;
  const Status parsed = row_.Parse({value.data(), value.size()});
  if (!parsed) return BadRow(first_, "cannot be read: " + parsed.error().message);
  period_ = FindPeriod(position.period);
  if (period_ == nullptr) {
    // The row before the one that was looked for may be of any period.
    if (seeking && !plan_.reverse) return Missing(edge_.value);
    return BadRow(first_, "is in a period that has none");
  }
  if (first_ < period_->first) return BadRow(first_, "begins before its period");
  if (first_ > period_->end || period_->end.value - first_.value < row_.size()) {
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
  const SequenceNumber from = std::max(first_, plan_.ranges[range_].begin);
  const SequenceNumber until = std::min(end, plan_.ranges[range_].end);
  edge_ = plan_.reverse ? from : until;
  if (row_.lost()) return CheckLoss();
  begin_ = static_cast<std::size_t>(from.value - first_.value);
  end_ = static_cast<std::size_t>(until.value - first_.value);
  return {};
}

// What went with a disk is a gap of its period.
Status RocksCursor::CheckLoss() const {
  if (period_->has_gaps) return {};
  return Error{ErrorCode::kRescanNeeded, "record " + std::to_string(first_.value) + " of period " +
                                             std::to_string(period_->id.value) +
                                             " has been lost with the journal's disk"};
}

// False at the end.
Result<bool> RocksCursor::NextRow() {
  while (begin_ == end_) {
    const SequenceRange& range = plan_.ranges[range_];
    if (plan_.reverse ? edge_ <= range.begin : edge_ >= range.end) {
      if (range_ + 1 == plan_.ranges.size()) return false;
      edge_ = plan_.ranges[++range_].begin;
      started_ = false;
    }
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
    CJ_RETURN_IF_ERROR(ReadRow(seeking));
    CJ_RETURN_IF_ERROR(TakeRow(seeking));
  }
  return true;
}

void RocksCursor::TakeRecord(Record* record) {
  const std::size_t index = plan_.reverse ? --end_ : begin_++;
  row_.Get(index, period_->start_usec, record);
  record->period = period_->id;
  record->sequence = SequenceNumber(first_.value + index);
  rollup_.reset();
}

// Who asks again is answered from the records themselves.
Status RocksCursor::NextOfRollups() {
  Result<bool> more = rollups_->Advance();
  if (!more) {
    registry_->NoteBadRollup();
    return Error{ErrorCode::kBusy,
                 more.error().message + "; ask again, and the records themselves answer"};
  }
  rolled_up_ = *more;
  if (!rolled_up_) rollups_.reset();
  return {};
}

// Periods' own records and those of rollups are of different periods: the next one is of that side
// which has the smaller number.
Result<bool> RocksCursor::NextOfBoth(Record* record) {
  bool has_row = false;
  if (iterator_ != nullptr) {
    CJ_ASSIGN_OR_RETURN(has_row, NextRow());
  }
  if (rollups_ != nullptr && !rolled_up_) CJ_RETURN_IF_ERROR(NextOfRollups());
  if (!has_row && !rolled_up_) return false;
  if (has_row && !(rolled_up_ && rollups_->sequence() < SequenceNumber(first_.value + begin_))) {
    TakeRecord(record);
    return true;
  }
  rollups_->Get(record);
  rollup_ = rollups_->part();
  rolled_up_ = false;
  return true;
}

Result<bool> RocksCursor::Next(Record* record) {
  MutexLock lock(mutex_);
  if (abandoned_ && !finished_) {
    return Error{ErrorCode::kBusy,
                 "the journal was opened again after an error of the disk, or closed; ask again"};
  }
  if (failure_) return *failure_;
  if (finished_) return false;
  Result<bool> more = NextOfBoth(record);
  if (!more) failure_ = more.error();
  if (!more || !*more) finished_ = true;
  return more;
}

PeriodId RocksCursor::Resume(const Record& last) const {
  MutexLock lock(mutex_);
  return rollup_.value_or(last.period);
}

}  // namespace cj
