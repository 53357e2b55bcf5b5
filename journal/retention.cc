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
  if (!with_bytes) return lag;
  // Of the first period only the part that waits.
  const std::uint64_t end = waiting.first_sequence.value + waiting.record_count;
  const double share = static_cast<double>(end - consumer.handled.value - 1) /
                       static_cast<double>(std::max<std::uint64_t>(1, waiting.record_count));
  const auto first = static_cast<double>(store.ApproximateSize(waiting.id, waiting.id.Next()));
  lag.bytes = store.ApproximateSize(waiting.id.Next(), kNoPeriod) +
              static_cast<std::uint64_t>(first * std::min(share, 1.0));
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

// What the consumer still has to be told begins with this period; what comes before is gone, or it
// has had all of it. A gap is of the whole of its period.
PeriodId FirstNeeded(const Consumer& consumer, const Store& store) {
  const PeriodId records = store.PeriodOf(consumer.handled.Next()).id;
  const auto gaps = store.PeriodsWithGaps(consumer.period, records);
  return std::max(consumer.period, gaps.empty() ? records : gaps.front().id);
}

// Not synced: what is lost of it is found once more, and before anything is dropped it is synced.
template <typename Judge>
Status Mark(Store& store, const std::string& name, std::int64_t now_usec, const Judge& judge,
            std::vector<Consumer>* expired) {
  std::optional<Consumer> marked;
  auto edit = [&](std::optional<Consumer>* consumer) -> Status {
    // Somebody may have moved it or taken it away since the caller looked.
    if (!consumer->has_value() || !(*consumer)->expired.empty()) return {};
    const std::optional<std::string> why = judge(&**consumer);
    if (!why) return {};
    (*consumer)->expired = *why;
    (*consumer)->expired_usec = now_usec;
    marked = *consumer;
    return {};
  };
  CJ_RETURN_IF_ERROR(store.EditConsumer(name, edit, false));
  if (marked) expired->push_back(*std::move(marked));
  return {};
}

// What may still be looked at in this call, and for whom.
struct Looks {
  const VolumesOf& volumes_of;
  std::size_t left;
};

// Moves it past what is not of its filesystems. What comes before `until` waits for it then, or
// nothing does, or nobody knows yet. Somebody may have moved it meanwhile: then that counts.
Result<Concern::End> PassOthers(Store& store, const Consumer& consumer, PeriodId until,
                                Looks* looks) {
  const auto volumes = looks->volumes_of ? looks->volumes_of(consumer) : std::nullopt;
  if (!volumes) return Concern::End::kReached;
  const Concern concern = FindConcern(store, consumer, *volumes, until, looks->left);
  const std::uint64_t looked = concern.begin.handled.value - consumer.handled.value;
  looks->left -= std::min<std::uint64_t>(looks->left, looked);
  auto move = [&](std::optional<Consumer>* now) -> Status {
    if (*now != consumer) return {};
    (*now)->period = concern.begin.period;
    (*now)->handled = concern.begin.handled;
    return {};
  };
  CJ_RETURN_IF_ERROR(store.EditConsumer(consumer.name, move, false));
  return concern.end;
}

Status ExpireOverrun(Store& store, std::int64_t now_usec, Looks* looks,
                     std::vector<Consumer>* expired) {
  auto judge = [&](const Consumer* consumer) {
    const bool with_bytes = consumer->max_lag_bytes != 0;
    return Overrun(*consumer, LagOf(*consumer, store, now_usec, with_bytes));
  };
  for (const Consumer& consumer : store.Consumers()) {
    const bool limited = consumer.max_lag_usec != 0 || consumer.max_lag_bytes != 0;
    if (!limited || !consumer.expired.empty() || !judge(&consumer)) continue;
    const PeriodId open = store.OpenPeriod().id;
    CJ_ASSIGN_OR_RETURN(const Concern::End end, PassOthers(store, consumer, open, looks));
    if (end == Concern::End::kTired) continue;
    CJ_RETURN_IF_ERROR(Mark(store, consumer.name, now_usec, judge, expired));
  }
  return {};
}

// 0: there is no consumer. Nobody needs anything where all have expired.
PeriodId AcknowledgedByAll(const Store& store) {
  const std::vector<Consumer> consumers = store.Consumers();
  if (consumers.empty()) return PeriodId();
  PeriodId least = kNoPeriod;
  for (const Consumer& consumer : consumers) {
    if (consumer.expired.empty()) least = std::min(least, FirstNeeded(consumer, store));
  }
  return least;
}

// The oldest period to keep so that no consumer expires for what it may not have to be told.
Result<PeriodId> OldestLookedAt(Store& store, PeriodId oldest, Looks* looks) {
  const PeriodId wanted = oldest;
  for (const Consumer& consumer : store.Consumers()) {
    if (!consumer.expired.empty() || FirstNeeded(consumer, store) >= wanted) continue;
    CJ_ASSIGN_OR_RETURN(const Concern::End end, PassOthers(store, consumer, wanted, looks));
    const auto moved = store.FindConsumer(consumer.name);
    if (end == Concern::End::kTired && moved) oldest = std::min(oldest, moved->period);
  }
  return std::max(oldest, store.OldestPeriod().id);
}

// Everything before `oldest` is about to go. Whoever has had all of it goes on from there.
Status Overtake(Store& store, PeriodId oldest, std::int64_t now_usec,
                std::vector<Consumer>* expired) {
  const PeriodId quiet = store.Ends().quiet_since;
  auto judge = [&](Consumer* consumer) -> std::optional<std::string> {
    if (consumer->period >= oldest) return std::nullopt;
    if (consumer->period < quiet || FirstNeeded(*consumer, store) < oldest) {
      return "what it had not acknowledged yet was dropped to keep to MaxUse=, MaxAge= or "
             "KeepFree=";
    }
    consumer->period = oldest;
    return std::nullopt;
  };
  for (const Consumer& consumer : store.Consumers()) {
    if (consumer.period >= oldest) continue;
    CJ_RETURN_IF_ERROR(Mark(store, consumer.name, now_usec, judge, expired));
  }
  return {};
}

Status Retain(Store& store, const RetentionLimits& limits, std::uint64_t free_bytes,
              std::int64_t now_usec, Looks looks, Retained* retained) {
  CJ_RETURN_IF_ERROR(ExpireOverrun(store, now_usec, &looks, &retained->expired));
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
  PeriodId oldest = OldestToKeep(uses, limits, disk, now_usec, AcknowledgedByAll(store));
  CJ_ASSIGN_OR_RETURN(oldest, OldestLookedAt(store, oldest, &looks));
  // Before it is done: should we be ended here, one too many is told to scan, and none too few.
  CJ_RETURN_IF_ERROR(Overtake(store, oldest, now_usec, &retained->expired));
  if (oldest > uses.front().id) CJ_RETURN_IF_ERROR(store.DropPeriodsBefore(oldest));
  return {};
}

}  // namespace

Retained ApplyRetention(Store& store, const RetentionLimits& limits, std::uint64_t free_bytes,
                        std::int64_t now_usec, const VolumesOf& volumes_of,
                        std::size_t most_looked_at) {
  Retained retained;
  retained.status =
      Retain(store, limits, free_bytes, now_usec, {volumes_of, most_looked_at}, &retained);
  retained.oldest = store.OldestPeriod().id;
  return retained;
}

}  // namespace cj
