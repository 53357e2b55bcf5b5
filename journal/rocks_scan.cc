// The part of RocksStore that reads records: which of them are in which rows, and what stands for
// them in rollups.
#include <algorithm>
#include <limits>

#include "journal/database_keeper.h"
#include "journal/rocks_cursor.h"
#include "journal/rocks_database.h"
#include "journal/rocks_store.h"

namespace cj {
namespace {

constexpr SequenceNumber kNoEnd(std::numeric_limits<std::uint64_t>::max());

std::string PeriodName(PeriodId period) { return "period " + std::to_string(period.value); }

}  // namespace

PeriodRecords RocksStore::RecordsOf(PeriodId id) const {
  const PeriodInfo period = periods_.Get(id);
  const SequenceNumber end(period.first_sequence.value + period.record_count);
  return {id, period.first_sequence, period.open() ? kNoEnd : end, period.start_usec,
          periods_.HasGaps(id)};
}

// The periods [from, until), which are there.
void RocksStore::PlanPeriods(PeriodId from, PeriodId until, CursorPlan* plan) const {
  for (PeriodId id = from; id < until; id = id.Next()) {
    const PeriodRecords period = RecordsOf(id);
    const SequenceNumber begin = std::max(period.first, plan->after.Next());
    // Of the open one what is stored by now.
    const SequenceNumber end = std::min(period.end, next_sequence_);
    if (begin >= end) continue;
    plan->periods.push_back(period);
    if (!plan->ranges.empty() && plan->ranges.back().end == begin) {
      plan->ranges.back().end = end;
    } else {
      plan->ranges.push_back({begin, end});
    }
  }
}

void RocksStore::PlanPart(const ScanPart& part, CursorPlan* plan) const {
  if (part.level == 0) return PlanPeriods(part.from, part.until, plan);
  // The period behind it is there: only what has ended is rolled up.
  const PeriodInfo first = periods_.Get(part.from);
  const SequenceNumber end = periods_.Get(part.until).first_sequence;
  if (end <= plan->after.Next() || first.first_sequence == end) return;
  if (part.records == 0) return PlanPeriods(part.from, part.until, plan);  // it cannot be
  plan->rollups.push_back(
      {{part.level, part.from}, part.records, first.start_usec, SequenceNumber(end.value - 1)});
}

Result<CursorPlan> RocksStore::PlanScan(const ScanRange& range) const {
  const PeriodId oldest = periods_.oldest();
  // What has gone since the caller looked may have been quiet.
  if (range.from.value != 0 && range.from < quiet_since_) {
    return Error{
        ErrorCode::kRescanNeeded,
        PeriodName(range.from) + " is no longer kept; the oldest is " + PeriodName(oldest)};
  }
  const PeriodId from = std::max(range.from, oldest);
  CursorPlan plan;
  plan.reverse = range.reverse;
  plan.after = range.after;
  if (range.after == kNoEnd) return plan;
  const PeriodId until = std::min(range.until, periods_.newest().Next());
  // What a database that failed has lost may be rollups.
  const bool rollups_fail = keeper_->failed() || keeper_->openings() != rollups_of_ ||
                            keeper_->cursors()->has_bad_rollup();
  if (!range.distinct || rollups_fail) {
    PlanPeriods(from, until, &plan);
    return plan;
  }
  for (const ScanPart& part : rollups_.Cover(from, until)) PlanPart(part, &plan);
  return plan;
}

Result<std::unique_ptr<RecordCursor>> RocksStore::Scan(const ScanRange& range) const {
  // The snapshot is taken under the lock: a drop takes periods off the list first, so a scan that
  // found its period there has its view before the records go.
  MutexLock lock(mutex_);
  CJ_ASSIGN_OR_RETURN(CursorPlan plan, PlanScan(range));
  return OpenCursor(std::move(plan));
}

Result<std::unique_ptr<RecordCursor>> RocksStore::OpenCursor(CursorPlan plan) const {
  CJ_ASSIGN_OR_RETURN(std::shared_ptr<Database> database, keeper_->Get());
  const bool open = !plan.periods.empty() && plan.periods.back().id == periods_.newest();
  if (open && keeper_->losses() != losses_) {
    return Error{ErrorCode::kBusy,
                 "the journal's disk has just lost records, which is being noted; ask again"};
  }
  return std::unique_ptr<RecordCursor>(std::make_unique<RocksCursor>(
      database->db(), database->column(Column::kRecords), database->column(Column::kRollups),
      std::move(plan), keeper_->cursors()));
}

}  // namespace cj
