#include "journal/retention.h"

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "base/units.h"

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

bool IsOlder(const PeriodUse& period, std::int64_t age_usec, std::int64_t now_usec) {
  return period.end_usec < now_usec && Age(period, now_usec) > static_cast<std::uint64_t>(age_usec);
}

}  // namespace

PeriodId OldestToKeep(std::span<const PeriodUse> periods, const RetentionLimits& limits,
                      const DiskState& disk, std::int64_t now_usec, PeriodId acknowledged) {
  CJ_CHECK(!periods.empty(), "a journal without an open period");
  std::uint64_t excess = Excess(limits, disk);
  for (const PeriodUse& period : periods.first(periods.size() - 1)) {
    const bool too_old = limits.max_age_usec != 0 && IsOlder(period, limits.max_age_usec, now_usec);
    const bool done_with = limits.keep_acknowledged_usec && period.id < acknowledged &&
                           IsOlder(period, *limits.keep_acknowledged_usec, now_usec);
    // Only the oldest can go, so the first that has no reason to keeps all that follow.
    if (!too_old && !done_with && excess == 0) return period.id;
    excess -= std::min(excess, period.bytes);
  }
  return periods.back().id;
}

ConsumerLag LagOf(const Consumer& consumer, const Store& store, std::int64_t now_usec,
                  bool with_bytes) {
  ConsumerLag lag;
  const SequenceNumber next = store.next_sequence();
  if (next <= consumer.handled.Next()) return lag;
  lag.records = next.value - consumer.handled.value - 1;
  const PeriodInfo waiting = store.PeriodOf(consumer.handled.Next());
  if (!waiting.open()) lag.age_usec = std::max<std::int64_t>(0, now_usec - waiting.end_usec);
  if (with_bytes) lag.bytes = store.ApproximateSize(waiting.id, kNoPeriod);
  return lag;
}

std::optional<std::string> Overrun(const Consumer& consumer, const ConsumerLag& lag) {
  if (consumer.max_lag_usec != 0 && lag.age_usec > consumer.max_lag_usec) {
    return "it was more than " + FormatTimeSpan(consumer.max_lag_usec) +
           " behind, its own limit (max_lag)";
  }
  if (consumer.max_lag_bytes != 0 && lag.bytes > consumer.max_lag_bytes) {
    return "more than " + FormatByteSize(consumer.max_lag_bytes) +
           " waited for it, its own limit (max_lag)";
  }
  return std::nullopt;
}

namespace {

// Marks it, unless somebody has moved it or marked it meanwhile.
Status Expire(Store& store, const Consumer& seen, const std::string& why, std::int64_t now_usec,
              std::vector<Consumer>* expired) {
  bool done = false;
  auto mark = [&](std::optional<Consumer>* consumer) -> Status {
    if (*consumer != seen) return {};
    (*consumer)->expired = why;
    (*consumer)->expired_usec = now_usec;
    done = true;
    return {};
  };
  CJ_RETURN_IF_ERROR(store.EditConsumer(seen.name, mark, true));
  if (done) expired->push_back(seen);
  if (done) expired->back().expired = why;
  return {};
}

Status ExpireOverrun(Store& store, std::int64_t now_usec, std::vector<Consumer>* expired) {
  for (const Consumer& consumer : store.Consumers()) {
    if (!consumer.expired.empty()) continue;
    const ConsumerLag lag = LagOf(consumer, store, now_usec, consumer.max_lag_bytes != 0);
    const auto why = Overrun(consumer, lag);
    if (why) CJ_RETURN_IF_ERROR(Expire(store, consumer, *why, now_usec, expired));
  }
  return {};
}

// 0: there is none.
PeriodId AcknowledgedByAll(const Store& store) {
  PeriodId least;
  for (const Consumer& consumer : store.Consumers()) {
    if (!consumer.expired.empty()) continue;
    if (least.value == 0 || consumer.period < least) least = consumer.period;
  }
  return least;
}

bool Misses(const Consumer& consumer, const PeriodInfo& period) {
  if (period.id < consumer.period) return false;
  const std::uint64_t end = period.first_sequence.value + period.record_count;
  return !period.gaps.empty() || end > consumer.handled.value + 1;
}

// Everything before `oldest` is about to go. Whoever has had all of it goes on from there.
// `periods` are all that there are.
Status Overtake(Store& store, const std::vector<PeriodInfo>& periods, PeriodId oldest,
                std::int64_t now_usec, std::vector<Consumer>* expired) {
  const PeriodId quiet = store.QuietSince();
  for (const Consumer& consumer : store.Consumers()) {
    if (!consumer.expired.empty() || consumer.period >= oldest) continue;
    bool missed = consumer.period < quiet;
    for (const PeriodInfo& period : periods) {
      if (period.id < oldest) missed |= Misses(consumer, period);
    }
    if (missed) {
      CJ_RETURN_IF_ERROR(Expire(store, consumer,
                                "what it had not acknowledged yet was dropped to keep to MaxUse=, "
                                "MaxAge= or KeepFree=",
                                now_usec, expired));
      continue;
    }
    auto move = [&](std::optional<Consumer>* each) -> Status {
      if (*each == consumer) (*each)->period = oldest;
      return {};
    };
    CJ_RETURN_IF_ERROR(store.EditConsumer(consumer.name, move, true));
  }
  return {};
}

}  // namespace

Result<Retained> ApplyRetention(Store& store, const RetentionLimits& limits,
                                std::uint64_t free_bytes, std::int64_t now_usec) {
  Retained retained;
  CJ_RETURN_IF_ERROR(ExpireOverrun(store, now_usec, &retained.expired));
  DiskState disk;
  disk.free_bytes = free_bytes;
  CJ_ASSIGN_OR_RETURN(disk.used_bytes, store.DiskUsage());
  // Asking for the size of each of many periods takes its time.
  const bool size_matters = Excess(limits, disk) > 0;
  const std::vector<PeriodInfo> periods = store.Periods();
  std::vector<PeriodUse> uses;
  for (const PeriodInfo& period : periods) {
    const PeriodId next = period.id.Next();
    const std::uint64_t bytes = size_matters ? store.ApproximateSize(period.id, next) : 0;
    uses.push_back({period.id, period.end_usec, bytes});
  }
  retained.oldest = OldestToKeep(uses, limits, disk, now_usec, AcknowledgedByAll(store));
  // Before it is done: should we be ended here, one too many is told to scan, and none too few.
  CJ_RETURN_IF_ERROR(Overtake(store, periods, retained.oldest, now_usec, &retained.expired));
  if (retained.oldest > uses.front().id) {
    CJ_RETURN_IF_ERROR(store.DropPeriodsBefore(retained.oldest));
  }
  return retained;
}

}  // namespace cj
