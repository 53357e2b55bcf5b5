// The part of RocksStore that keeps who did it.
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "base/check.h"
#include "journal/database_keeper.h"
#include "journal/keys.h"
#include "journal/rocks_database.h"
#include "journal/rocks_status.h"
#include "journal/rocks_store.h"

namespace cj {
namespace {

constexpr SequenceNumber kLast{std::numeric_limits<std::uint64_t>::max()};

std::string_view View(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// The notes of a process in a period.
class NotesOf {
 public:
  NotesOf(const Database& database, PeriodId period, std::int32_t pid)
      : period_(period),
        pid_(pid),
        it_(database.db().NewIterator({}, database.column(Column::kMeta))) {}

  // The last one at or before `sequence` and the first one behind it, where there are any.
  Status Find(SequenceNumber sequence, std::optional<ActorPlace>* at, std::optional<Actor>* actor,
              SequenceNumber* next) {
    it_->SeekForPrev(ActorKey(period_, pid_, sequence));
    CJ_ASSIGN_OR_RETURN(*at, Here());
    if (at->has_value() && pid_ != 0) {
      CJ_ASSIGN_OR_RETURN(*actor, DecodeActor(View(it_->value())));
    }
    it_->Seek(ActorKey(period_, pid_, sequence.Next()));
    CJ_ASSIGN_OR_RETURN(const auto after, Here());
    *next = after.has_value() ? after->sequence : kLast;
    return FromRocks(it_->status(), "looking up who did it");
  }

 private:
  Result<std::optional<ActorPlace>> Here() const {
    const std::string_view prefix = kActorPrefix;
    if (!it_->Valid() || View(it_->key()).substr(0, prefix.size()) != prefix) {
      return std::optional<ActorPlace>();
    }
    CJ_ASSIGN_OR_RETURN(const ActorPlace place, ParseActorKey(View(it_->key())));
    if (place.period != period_ || place.pid != pid_) return std::optional<ActorPlace>();
    return std::optional<ActorPlace>(place);
  }

  const PeriodId period_;
  const std::int32_t pid_;
  std::unique_ptr<rocksdb::Iterator> it_;
};

// Whether any note is of a period in [from, until).
bool HasActors(const Database& database, PeriodId from, PeriodId until) {
  std::unique_ptr<rocksdb::Iterator> it(
      database.db().NewIterator({}, database.column(Column::kMeta)));
  it->Seek(ActorPeriodBegin(from));
  return it->Valid() && View(it->key()) < std::string_view(ActorPeriodBegin(until));
}

}  // namespace

Result<ActorSpan> RocksStore::FindActor(PeriodId period, std::int32_t pid,
                                        SequenceNumber sequence) const {
  CJ_CHECK(pid != 0, "process 0 does nothing");
  CJ_ASSIGN_OR_RETURN(std::shared_ptr<Database> database, keeper_->Get());
  ActorSpan span{{}, SequenceNumber(), kLast};
  std::optional<ActorPlace> note;
  std::optional<ActorPlace> end;
  std::optional<Actor> none;
  SequenceNumber next_end;
  CJ_RETURN_IF_ERROR(
      NotesOf(*database, period, pid).Find(sequence, &note, &span.actor, &span.until));
  CJ_RETURN_IF_ERROR(NotesOf(*database, period, 0).Find(sequence, &end, &none, &next_end));
  span.until = std::min(span.until, next_end);
  if (note.has_value()) span.from = note->sequence;
  if (end.has_value() && (!note.has_value() || note->sequence < end->sequence)) {
    span.actor.reset();
    span.from = end->sequence;
  }
  return span;
}

Result<bool> RocksStore::HasActors(PeriodId period) const {
  CJ_ASSIGN_OR_RETURN(std::shared_ptr<Database> database, keeper_->Get());
  return cj::HasActors(*database, period, period.Next());
}

void RocksStore::AddActors(const Database& database, const Batch& batch, PeriodId period,
                           rocksdb::WriteBatch* writes) {
  rocksdb::ColumnFamilyHandle* meta = database.column(Column::kMeta);
  for (const ActorNote& note : batch.actors) {
    value_.clear();
    EncodeActor(note.actor, &value_);
    MustAdd(writes->Put(meta, ActorKey(period, note.pid, note.sequence), value_));
  }
  if (batch.records.empty() || attributed_ == batch.attributed) return;
  // Another daemon has looked, and this one does not.
  const bool ends = !batch.attributed && cj::HasActors(database, period, period.Next());
  if (ends) {
    MustAdd(
        writes->Put(meta, ActorKey(period, 0, batch.records.front().sequence), rocksdb::Slice()));
  }
}

rocksdb::Status RocksStore::DropActors(const Database& database, PeriodId oldest,
                                       rocksdb::WriteBatch* writes) {
  if (!cj::HasActors(database, PeriodId(), oldest)) return rocksdb::Status::OK();
  return writes->DeleteRange(database.column(Column::kMeta), ActorPeriodBegin(PeriodId()),
                             ActorPeriodBegin(oldest));
}

}  // namespace cj
