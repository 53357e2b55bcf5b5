#include "journal/log_gaps.h"

#include <algorithm>
#include <utility>

namespace cj {

std::vector<PeriodGap> GapsForLog(const std::vector<PeriodInfo>& periods, PeriodId from,
                                  PeriodId until, const std::vector<Watch>& watches,
                                  const std::vector<std::string>& paths,
                                  const std::vector<PeriodGap>& told, bool growth) {
  const std::vector<Watch> asked = paths.empty() ? watches : WatchesAsked(watches, paths);
  std::vector<PeriodGap> gaps;
  for (const PeriodInfo& period : periods) {
    if (period.id < from || !(period.id < until)) continue;
    for (const Gap& gap : period.gaps) {
      const PeriodGap one{period.id, gap};
      const bool known = std::any_of(told.begin(), told.end(), [&](const PeriodGap& each) {
        return IsSameGap(each, one) && each.gap.from_usec == gap.from_usec &&
               each.gap.filled() == gap.filled() && (!growth || each.gap.to_usec == gap.to_usec);
      });
      if (!known && Concerns(gap, asked, watches)) gaps.push_back(one);
    }
  }
  std::stable_sort(gaps.begin(), gaps.end(), [](const PeriodGap& a, const PeriodGap& b) {
    return a.period != b.period ? a.period < b.period : a.gap.to_usec < b.gap.to_usec;
  });
  return gaps;
}

LogGaps::LogGaps(std::vector<PeriodGap> gaps, bool reverse)
    : gaps_(std::move(gaps)), reverse_(reverse) {
  if (reverse_) std::reverse(gaps_.begin(), gaps_.end());
}

bool LogGaps::StandsBefore(const PeriodGap& gap, const Record& record) const {
  const bool older = gap.period != record.period ? gap.period < record.period
                                                 : gap.gap.to_usec <= record.time_usec;
  return older != reverse_;
}

std::optional<PeriodGap> LogGaps::TakeBefore(const Record* record) {
  if (taken_ == gaps_.size()) return std::nullopt;
  if (record != nullptr && !StandsBefore(gaps_[taken_], *record)) return std::nullopt;
  return gaps_[taken_++];
}

}  // namespace cj
