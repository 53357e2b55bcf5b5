#include "journal/rocks_cursor.h"

#include "journal/record_codec.h"
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
  if (plan_.periods.empty() || (plan_.begin >= plan_.end && !plan_.open_ended)) return;
  lower_key_ = RecordKey({plan_.periods.front().id, plan_.begin});
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

void RocksCursor::Step() {
  if (started_) {
    plan_.reverse ? iterator_->Prev() : iterator_->Next();
  } else {
    plan_.reverse ? iterator_->SeekToLast() : iterator_->SeekToFirst();
    started_ = true;
  }
}

Status RocksCursor::Check(SequenceNumber now) {
  if (plan_.reverse) {
    // The newest may be younger than the plan where the period is open, never older.
    bool newest = !seen_ && plan_.open_ended && now >= plan_.end;
    std::uint64_t expected = (seen_ ? last_ : plan_.end).value - 1;
    if (!newest && now.value != expected) return Missing(expected);
  } else {
    SequenceNumber expected = seen_ ? last_.Next() : plan_.begin;
    if (now != expected) return Missing(expected.value);
  }
  last_ = now;
  seen_ = true;
  return {};
}

Result<bool> RocksCursor::Finish() {
  finished_ = true;
  CJ_RETURN_IF_ERROR(FromRocks(iterator_->status(), "reading the journal's records"));
  if (plan_.begin >= plan_.end && !seen_) return false;
  if (plan_.reverse) {
    SequenceNumber reached = seen_ ? last_ : plan_.end;
    if (reached != plan_.begin) return Missing(reached.value - 1);
  } else {
    SequenceNumber next = seen_ ? last_.Next() : plan_.begin;
    if (next < plan_.end) return Missing(next.value);
  }
  return false;
}

Result<bool> RocksCursor::Next(Record* record) {
  MutexLock lock(mutex_);
  if (abandoned_ && !finished_) {
    return Error{ErrorCode::kBusy,
                 "the journal was opened again after an error of the disk, or closed; ask again"};
  }
  if (!iterator_ || finished_) return false;
  RecordPosition position;
  do {
    Step();
    if (!iterator_->Valid()) return Finish();
    const rocksdb::Slice key = iterator_->key();
    CJ_ASSIGN_OR_RETURN(position, ParseRecordKey({key.data(), key.size()}));
    CJ_RETURN_IF_ERROR(Check(position.sequence));
  } while (iterator_->value().empty());  // lost with a disk, which is a gap of the period
  const rocksdb::Slice value = iterator_->value();
  // Within the bounds, so the period is one of the plan's.
  const PeriodInfo& period = plan_.periods[static_cast<std::size_t>(
      position.period.value - plan_.periods.front().id.value)];
  CJ_RETURN_IF_ERROR(DecodeRecord({value.data(), value.size()}, period.start_usec, record));
  record->period = position.period;
  record->sequence = position.sequence;
  return true;
}

}  // namespace cj
