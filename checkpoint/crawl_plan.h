// What a crawl has to do, and what it has done when it is complete: decisions as pure functions.
//
// A crawl looks at change times (ctime), which the kernel sets with every change of an inode, and
// which no program can set. What a gap hides has a change time from the gap's beginning on:
//   a changed file (or whatever has no entries)   its own
//   a name that appeared, went or was moved       the directory's; of what appeared also its own
// So a file with such a time is told as changed, and a directory as one below which anything may
// have come or gone. docs/race-freedom.md has the argument.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "checkpoint/crawl_note.h"
#include "journal/gaps.h"
#include "journal/record.h"
#include "journal/scope.h"

namespace cj {

// How far before a gap a crawl begins to believe that a change may be unknown. The kernel writes
// what programs have written after 30 s (vm.dirty_expire_centisecs), looks for that every 5 s, and
// takes its time: what was written before a loss of power may be gone for so long, and so may the
// change times of pages that are stored to through a mapping lag behind.
inline constexpr std::int64_t kCrawlMarginUsec = 60'000'000;
// A subtree of which nothing needs to be told.
inline constexpr std::int64_t kCrawlNothing = std::numeric_limits<std::int64_t>::max();
// From when on everything that is there counts as changed.
inline constexpr std::int64_t kCrawlEverything = std::numeric_limits<std::int64_t>::min();

// A tree to be walked.
struct CrawlPart {
  std::size_t watch = 0;  // index in CrawlPlan::watches
  std::string path;       // the watch's root, or a directory below it
  std::int64_t since_usec = kCrawlEverything;
  // For regular files, where that is earlier: since the last look at writers that send no events.
  // The last store of such a one may be long before the gap, and on no record.
  std::int64_t files_since_usec = kCrawlNothing;
  std::uint32_t also = 0;  // operations that go with kCrawled: kCrawlAskedFor, or none
  // Directories directly below the root that were walked before this process: for them, since when.
  std::map<FileHandle, std::int64_t> walked;
  std::int64_t walked_files_since_usec = kCrawlNothing;  // for them, as files_since_usec
};

struct CrawlPlan {
  std::vector<Watch> watches;
  std::vector<PeriodGap> gaps;  // open when the plan was made; the marks stood then
  std::vector<CrawlPart> parts;
};

// `gap.from_usec` less the margin.
std::int64_t SinceOf(const Gap& gap, std::int64_t margin_usec);
// Whether changes on the watch's volume may be in the gap (see FindOpenGap()).
bool Concerns(const Gap& gap, const Watch& watch, const std::vector<Watch>& watches);

// All gaps that are open. No parts: there is none. Gaps in `except` are left out.
CrawlPlan PlanForGaps(const std::vector<PeriodInfo>& periods, const std::vector<Watch>& watches,
                      const CrawlNote& note, const std::vector<PeriodGap>& except,
                      std::int64_t margin_usec);

// What somebody asks for: `paths` (empty: all watches), each under a watch or above one.
// kInvalidArgument for another. to_all: told by every answer, not only by those over gaps.
Result<CrawlPlan> PlanForPaths(const std::vector<PeriodInfo>& periods,
                               const std::vector<Watch>& watches,
                               const std::vector<std::string>& paths, std::int64_t since_usec,
                               bool to_all = true, std::int64_t margin_usec = kCrawlMarginUsec);

// What the plan's gaps become. `walked`: of each part, whether it was walked to its end.
std::vector<GapFill> FillsOf(const CrawlPlan& plan, const std::vector<bool>& walked,
                             std::int64_t margin_usec);

// The gaps of the plan that no part failing would have filled: why a question need not wait.
std::vector<PeriodGap> LeftOpen(const CrawlPlan& plan, const std::vector<GapFill>& fills);

}  // namespace cj
