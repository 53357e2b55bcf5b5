#include "service/time_range.h"

#include <algorithm>

namespace cj {
namespace {

// A record has the time at which its event was read, a crawl's the time of the crawl: both are
// seconds from the period's ends at most.
constexpr std::int64_t kMarginUsec = 60'000'000;

}  // namespace

void TimeRange::Narrow(const std::vector<PeriodStart>& periods, ScanRange* range) const {
  std::size_t first = 0;
  while (from_usec && first + 1 < periods.size() &&
         std::max(periods[first].start_usec, periods[first + 1].start_usec) + kMarginUsec <
             *from_usec) {
    ++first;
  }
  std::size_t end = periods.size();
  while (to_usec && end > first + 1 && periods[end - 1].start_usec - kMarginUsec > *to_usec) --end;
  if (first < periods.size()) range->from = std::max(range->from, periods[first].id);
  if (end < periods.size()) range->until = std::min(range->until, periods[end].id);
}

}  // namespace cj
