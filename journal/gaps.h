// The gaps of one period. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "journal/record.h"
#include "journal/scope.h"

namespace cj {

// Gaps of a period that are told apart. A queue that overflows for an hour is one gap and not one
// for every batch; what is beyond this many kinds joins the last, of all volumes.
inline constexpr std::size_t kMaxGaps = 32;

// The gap is of the watch, or of the filesystem that it is on. False for a gap of all volumes.
bool IsGapOf(const Gap& gap, const Watch& watch);

// Whether it matters to a question about the watches `asked`, which are some of `all`. One of a
// path that is not watched now is of a time when others were, and may be of any volume.
bool Concerns(const Gap& gap, const std::vector<Watch>& asked, const std::vector<Watch>& all);

// Adds the gap, or widens the one of the same volume and cause, unless that is filled already: a
// crawl knows nothing of what was lost after it.
void AddGap(const Gap& gap, std::vector<Gap>* gaps);

// Applies the fill in `open`, the period in which the crawl ended. False, and nothing has changed:
// the gap is not there any more as it was, because it has been widened or joined meanwhile, or the
// parts are too many.
bool FillGap(const GapFill& fill, PeriodId open, std::vector<Gap>* gaps);

// A gap and where it is.
struct PeriodGap {
  PeriodId period;
  Gap gap;
  friend bool operator==(const PeriodGap&, const PeriodGap&) = default;
};

// One that is not filled grows while it lasts, and is the same.
inline bool IsSameGap(const PeriodGap& a, const PeriodGap& b) {
  return a.period == b.period && a.gap.volume == b.gap.volume && a.gap.cause == b.gap.cause;
}

// The first gap that stands in the way of a question about `paths` (empty: all) over the periods
// [from, until): one that concerns the volumes asked of, and that nothing before `until` fills. A
// gap of a path that is not watched now is of a time when others were, and may be of any volume.
std::optional<PeriodGap> FindOpenGap(const std::vector<PeriodInfo>& periods, PeriodId from,
                                     PeriodId until, const std::vector<Watch>& watches,
                                     const std::vector<std::string>& paths);

// Whether there is any gap, filled or not, that concerns the volumes asked of.
bool HasGap(const std::vector<PeriodInfo>& periods, PeriodId from, PeriodId until,
            const std::vector<Watch>& watches, const std::vector<std::string>& paths);

// One of the paths lies in the watched tree, or above it.
bool IsAsked(const Watch& watch, const std::vector<std::string>& paths);
// The watches on volumes that the paths ask about: what is not asked of need not be there.
std::vector<Watch> WatchesAsked(const std::vector<Watch>& watches,
                                const std::vector<std::string>& paths);

}  // namespace cj
