// The part of RocksStore that is about gaps and the crawls that fill them.
#include <rocksdb/write_batch.h>

#include <algorithm>

#include "base/check.h"
#include "journal/database_keeper.h"
#include "journal/gaps.h"
#include "journal/keys.h"
#include "journal/record_codec.h"
#include "journal/rocks_database.h"
#include "journal/rocks_status.h"
#include "journal/rocks_store.h"

namespace cj {
namespace {

rocksdb::Status PutGaps(const Database& database, const PeriodInfo& period,
                        rocksdb::WriteBatch* writes) {
  std::string value;
  EncodePeriod(period, &value);
  return writes->Put(database.column(Column::kPeriods), PeriodKey(period.id), value);
}

// Applies the fills to the periods; those that changed.
std::vector<PeriodInfo> Fill(const std::vector<GapFill>& fills, PeriodId open,
                             std::vector<PeriodInfo> periods) {
  std::vector<PeriodInfo> changed;
  for (PeriodInfo& period : periods) {
    bool any = false;
    for (const GapFill& fill : fills) {
      if (fill.period == period.id) any |= FillGap(fill, open, &period.gaps);
    }
    if (any) changed.push_back(period);
  }
  return changed;
}

}  // namespace

Status RocksStore::AddGap(const Gap& gap) {
  MutexLock write_lock(write_mutex_);
  CJ_ASSIGN_OR_RETURN(std::shared_ptr<Database> database, Writable());
  PeriodInfo open = StoredOpenPeriod();
  cj::AddGap(gap, &open.gaps);
  rocksdb::WriteBatch writes;
  CJ_RETURN_IF_ERROR(FromRocks(PutGaps(*database, open, &writes), "noting a gap"));
  CJ_RETURN_IF_ERROR(Write(*database, &writes, true, "noting a gap in"));
  MutexLock lock(mutex_);
  periods_.Set(open);
  ++gap_changes_;
  return {};
}

// Asked once the database is open: opening it again is when a loss shows.
Status RocksStore::CheckNothingLost(std::uint64_t losses) const {
  if (this->losses() == losses) return {};
  return Error{ErrorCode::kIo,
               "the disk of " + directory_ + " has lost what the crawl had found; it begins anew",
               0};
}

// Periods come and go under write_mutex_ only, but for those that a drop takes off the list first
// and deletes then: such a one must not be written once more.
Status RocksStore::FillGaps(const std::vector<GapFill>& fills, std::uint64_t losses) {
  MutexLock write_lock(write_mutex_);
  CJ_ASSIGN_OR_RETURN(std::shared_ptr<Database> database, Writable());
  CJ_RETURN_IF_ERROR(CheckNothingLost(losses));
  std::vector<PeriodInfo> changed;
  {
    MutexLock lock(mutex_);
    changed = Fill(fills, periods_.newest(), periods_.WithGaps(periods_.oldest(), kNoPeriod));
  }
  rocksdb::WriteBatch writes;
  rocksdb::Status status = writes.Delete(database->column(Column::kMeta), kCrawlKey);
  for (const PeriodInfo& period : changed) {
    if (status.ok()) status = PutGaps(*database, period, &writes);
  }
  CJ_RETURN_IF_ERROR(FromRocks(status, "noting that gaps are filled"));
  CJ_RETURN_IF_ERROR(Write(*database, &writes, true, "noting that gaps are filled in"));
  MutexLock lock(mutex_);
  for (const PeriodInfo& period : changed) {
    if (periods_.Has(period.id)) periods_.Set(period);
  }
  ++gap_changes_;
  return {};
}

Status RocksStore::KeepCrawlNote(const std::string& note, std::uint64_t losses) {
  CJ_CHECK(note.size() <= kMaxCrawlNote, "a crawl's note that is too long");
  MutexLock write_lock(write_mutex_);
  CJ_ASSIGN_OR_RETURN(std::shared_ptr<Database> database, Writable());
  CJ_RETURN_IF_ERROR(CheckNothingLost(losses));
  rocksdb::WriteBatch writes;
  rocksdb::Status status = note.empty()
                               ? writes.Delete(database->column(Column::kMeta), kCrawlKey)
                               : writes.Put(database->column(Column::kMeta), kCrawlKey, note);
  CJ_RETURN_IF_ERROR(FromRocks(status, "noting how far a crawl is"));
  return Write(*database, &writes, false, "noting how far a crawl is in");
}

Status RocksStore::KeepWatched(const std::string& text) {
  MutexLock write_lock(write_mutex_);
  CJ_ASSIGN_OR_RETURN(std::shared_ptr<Database> database, Writable());
  rocksdb::WriteBatch writes;
  const rocksdb::Status status = writes.Put(database->column(Column::kMeta), kWatchedKey, text);
  CJ_RETURN_IF_ERROR(FromRocks(status, "noting what is watched"));
  return Write(*database, &writes, true, "noting what is watched in");
}

Result<std::string> RocksStore::Watched() const { return Meta(kWatchedKey, "what was watched"); }

Result<std::string> RocksStore::CrawlNote() const { return Meta(kCrawlKey, "how far a crawl is"); }

// Empty where there is none.
Result<std::string> RocksStore::Meta(const char* key, const std::string& what) const {
  CJ_ASSIGN_OR_RETURN(std::shared_ptr<Database> database, keeper_->Get());
  std::string text;
  rocksdb::Status status =
      database->db().Get(rocksdb::ReadOptions(), database->column(Column::kMeta), key, &text);
  if (status.IsNotFound()) return std::string();
  CJ_RETURN_IF_ERROR(FromRocks(status, "reading " + what));
  return text;
}

}  // namespace cj
