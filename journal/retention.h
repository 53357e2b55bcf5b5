// How much of the past is kept: which periods go when MaxUse=, MaxAge= or KeepFree= say so, or when
// all consumers have them and KeepAcknowledged= says so; and which consumers have expired. The
// decisions are pure functions; ApplyRetention asks the store and carries them out.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "journal/concern.h"
#include "journal/consumer.h"
#include "journal/ids.h"
#include "journal/store.h"

namespace cj {

// 0 means no limit.
struct RetentionLimits {
  std::uint64_t max_use_bytes = 0;    // of the whole journal
  std::int64_t max_age_usec = 0;      // a period goes when all of it is older
  std::uint64_t keep_free_bytes = 0;  // on the journal's filesystem
  // A period that all consumers have acknowledged goes when all of it is older; nothing goes for
  // this where there is no consumer. None: it stays as long as the limits above allow.
  std::optional<std::int64_t> keep_acknowledged_usec = std::nullopt;
};

// One period, and what dropping it would give back.
struct PeriodUse {
  PeriodId id;
  std::int64_t end_usec = 0;  // 0 while open
  std::uint64_t bytes = 0;
};

struct DiskState {
  std::uint64_t used_bytes = 0;  // by the journal
  std::uint64_t free_bytes = 0;  // on its filesystem, for unprivileged users
};

// The oldest period to keep: everything before it goes. `periods` is oldest first and not empty,
// and its last one is open; the open period is always kept, so limits may remain crossed. Drops no
// more than the limits ask for. `acknowledged`: all consumers have what is before this period; 0
// where there is none.
PeriodId OldestToKeep(std::span<const PeriodUse> periods, const RetentionLimits& limits,
                      const DiskState& disk, std::int64_t now_usec, PeriodId acknowledged = {});

// How far a consumer is behind the records of all filesystems. 0 where nothing waits, however long
// ago it came last.
struct ConsumerLag {
  std::uint64_t records = 0;
  // Age of the oldest ended period with records that wait; what the open one has is young.
  std::int64_t age_usec = 0;
  std::uint64_t bytes = 0;  // on disk, an estimate; only where it was asked for
};
ConsumerLag LagOf(const Consumer& consumer, const Store& store, std::int64_t now_usec,
                  bool with_bytes);

// Why a consumer that lags so far behind has come to its own limits; none: it has not.
std::optional<std::string> Overrun(const Consumer& consumer, const ConsumerLag& lag);

struct Retained {
  PeriodId oldest;                // that is left
  std::vector<Consumer> expired;  // now, also where the rest has failed
  Status status;
};

// The filesystems that a consumer's paths lead to, all of them; none: not known, or all there are.
using VolumesOf = std::function<std::optional<std::vector<VolumeId>>(const Consumer& consumer)>;

// Marks the consumers that have come to their own limits as expired, then those that what goes now
// had not reached yet; then drops it. Those that wait for nothing of their filesystems are moved on
// instead; where more records than `most_looked_at` would have to be looked at less is dropped in
// this call. Blocks while files are rewritten and records looked at, some hundred milliseconds at
// most for each; any thread but one that must not wait.
Retained ApplyRetention(Store& store, const RetentionLimits& limits, std::uint64_t free_bytes,
                        std::int64_t now_usec, const VolumesOf& volumes_of = {},
                        std::size_t most_looked_at = kMostLookedAt);

}  // namespace cj
