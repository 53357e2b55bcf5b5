// From what a client says (a token, or a time) to a checkpoint of this journal.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "journal/period_table.h"
#include "journal/store.h"

namespace cj {

// Exactly one of the two.
struct Position {
  std::optional<std::string> token;
  std::optional<std::int64_t> time_usec;  // the newest checkpoint at or before it
};

// Of which end of an interval a position is. What a time means is not sure when the clock was set
// back: it showed the same time twice. Then an interval begins at the earlier moment and ends at
// the later one, so that it holds what was meant.
enum class End { kSince, kUntil };

// What there is to find a position in.
struct KeptPeriods {
  JournalId journal;
  // As Store::PeriodStarts() gives them; for a token the oldest and the newest will do.
  std::vector<PeriodStart> periods;
  PeriodId quiet_since;  // StoreEnds::quiet_since
};

// The period that starts at the position, a token or a time.
// kInvalidArgument: not a token, or not exactly one of them. kRescanNeeded: a token of another
// journal, of a checkpoint that was never made, or of one whose records are not kept any more; a
// time before the oldest checkpoint.
Result<PeriodId> FindPosition(const Position& position, End end, const KeptPeriods& kept);
// Of the periods of this store.
Result<PeriodId> FindPosition(const Position& position, End end, const Store& store);

}  // namespace cj
