#include "journal/retention.h"

#include <algorithm>
#include <vector>

#include "base/check.h"

namespace cj {
namespace {

// Bytes that have to go.
std::uint64_t Excess(const RetentionLimits& limits, const DiskState& disk) {
  std::uint64_t excess = 0;
  if (limits.max_use_bytes != 0 && disk.used_bytes > limits.max_use_bytes) {
    excess = disk.used_bytes - limits.max_use_bytes;
  }
  if (disk.free_bytes < limits.keep_free_bytes) {
    excess = std::max(excess, limits.keep_free_bytes - disk.free_bytes);
  }
  return excess;
}

// Of a period that ended before now. Unsigned, because the times may be as far apart as they like.
std::uint64_t Age(const PeriodUse& period, std::int64_t now_usec) {
  return static_cast<std::uint64_t>(now_usec) - static_cast<std::uint64_t>(period.end_usec);
}

}  // namespace

PeriodId OldestToKeep(std::span<const PeriodUse> periods, const RetentionLimits& limits,
                      const DiskState& disk, std::int64_t now_usec) {
  CJ_CHECK(!periods.empty(), "a journal without an open period");
  std::uint64_t excess = Excess(limits, disk);
  for (const PeriodUse& period : periods.first(periods.size() - 1)) {
    bool too_old = limits.max_age_usec != 0 && period.end_usec < now_usec &&
                   Age(period, now_usec) > static_cast<std::uint64_t>(limits.max_age_usec);
    // Only the oldest can go, so the first that has no reason to keeps all that follow.
    if (!too_old && excess == 0) return period.id;
    excess -= std::min(excess, period.bytes);
  }
  return periods.back().id;
}

Result<PeriodId> ApplyRetention(Store& store, const RetentionLimits& limits,
                                std::uint64_t free_bytes, std::int64_t now_usec) {
  DiskState disk;
  disk.free_bytes = free_bytes;
  CJ_ASSIGN_OR_RETURN(disk.used_bytes, store.DiskUsage());
  // Asking for the size of each of many periods takes its time.
  const bool size_matters = Excess(limits, disk) > 0;
  std::vector<PeriodUse> uses;
  for (const PeriodInfo& period : store.Periods()) {
    const PeriodId next = period.id.Next();
    const std::uint64_t bytes = size_matters ? store.ApproximateSize(period.id, next) : 0;
    uses.push_back({period.id, period.end_usec, bytes});
  }
  PeriodId oldest = OldestToKeep(uses, limits, disk, now_usec);
  if (oldest > uses.front().id) CJ_RETURN_IF_ERROR(store.DropPeriodsBefore(oldest));
  return oldest;
}

}  // namespace cj
