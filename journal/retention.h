// How much of the past is kept: which periods go when MaxUse=, MaxAge= or KeepFree= say so.
// The decision is a pure function; ApplyRetention asks the store and carries it out.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "journal/ids.h"
#include "journal/store.h"

namespace cj {

// 0 means no limit.
struct RetentionLimits {
  std::uint64_t max_use_bytes = 0;    // of the whole journal
  std::int64_t max_age_usec = 0;      // a period goes when all of it is older
  std::uint64_t keep_free_bytes = 0;  // on the journal's filesystem
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
// more than the limits ask for.
PeriodId OldestToKeep(std::span<const PeriodUse> periods, const RetentionLimits& limits,
                      const DiskState& disk, std::int64_t now_usec);

// Drops what the limits say and returns the oldest period that is left. Blocks while files are
// rewritten, some hundred milliseconds at most for each call; any thread but one that must not
// wait.
Result<PeriodId> ApplyRetention(Store& store, const RetentionLimits& limits,
                                std::uint64_t free_bytes, std::int64_t now_usec);

}  // namespace cj
