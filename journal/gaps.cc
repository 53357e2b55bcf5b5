#include "journal/gaps.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace cj {
namespace {

// Never the same afterwards, also where the clock was set back inside of it: a crawl that began
// before must not fill what came after.
void Widen(const Gap& gap, Gap* wide) {
  if (wide->from_usec <= gap.from_usec && gap.to_usec <= wide->to_usec) ++wide->to_usec;
  wide->from_usec = std::min(wide->from_usec, gap.from_usec);
  wide->to_usec = std::max(wide->to_usec, gap.to_usec);
  wide->filled_in = PeriodId();
}

template <typename Wanted>
std::optional<PeriodGap> FindGap(const std::vector<PeriodInfo>& periods, PeriodId from,
                                 PeriodId until, const std::vector<Watch>& watches,
                                 const std::vector<std::string>& paths, const Wanted& wanted) {
  const std::vector<Watch> asked = WatchesAsked(watches, paths);
  for (const PeriodInfo& period : periods) {
    if (period.id < from || period.id >= until) continue;
    for (const Gap& gap : period.gaps) {
      if (wanted(gap) && Concerns(gap, asked, watches)) return PeriodGap{period.id, gap};
    }
  }
  return std::nullopt;
}

}  // namespace

bool IsGapOf(const Gap& gap, const Watch& watch) {
  return !gap.volume.empty() && (gap.volume == watch.wanted || gap.volume == watch.volume.path ||
                                 gap.volume == watch.volume.mount_point);
}

bool Concerns(const Gap& gap, const std::vector<Watch>& asked, const std::vector<Watch>& all) {
  auto is_of = [&](const Watch& watch) { return IsGapOf(gap, watch); };
  if (gap.volume.empty() || std::any_of(asked.begin(), asked.end(), is_of)) return true;
  return std::none_of(all.begin(), all.end(), is_of);
}

bool IsAsked(const Watch& watch, const std::vector<std::string>& paths) {
  return std::any_of(paths.begin(), paths.end(), [&](const std::string& path) {
    return PathContains(watch.volume.path, path) || PathContains(path, watch.volume.path);
  });
}

void AddGap(const Gap& gap, std::vector<Gap>* gaps) {
  auto same = std::find_if(gaps->begin(), gaps->end(), [&](const Gap& known) {
    return known.volume == gap.volume && known.cause == gap.cause && !known.filled();
  });
  if (same != gaps->end()) {
    Widen(gap, &*same);
  } else if (gaps->size() < kMaxGaps) {
    gaps->push_back(gap);
  } else {
    Widen(gap, &gaps->back());
    gaps->back().volume.clear();
    gaps->back().cause = "more causes than can be listed";
  }
}

bool FillGap(const GapFill& fill, PeriodId open, std::vector<Gap>* gaps) {
  auto found = std::find(gaps->begin(), gaps->end(), fill.gap);
  if (found == gaps->end() || fill.parts.empty()) return false;
  if (gaps->size() + fill.parts.size() - 1 > kMaxGaps) return false;
  std::vector<Gap> parts = fill.parts;
  for (Gap& part : parts) {
    if (part.filled()) part.filled_in = open;
  }
  found = gaps->erase(found);
  gaps->insert(found, parts.begin(), parts.end());
  return true;
}

std::vector<Watch> WatchesAsked(const std::vector<Watch>& watches,
                                const std::vector<std::string>& paths) {
  std::set<VolumeId> volumes;
  for (const Watch& watch : watches) {
    if (paths.empty() || IsAsked(watch, paths)) volumes.insert(watch.volume.id);
  }
  std::vector<Watch> asked;
  for (const Watch& watch : watches) {
    if (volumes.count(watch.volume.id) != 0) asked.push_back(watch);
  }
  return asked;
}

std::optional<PeriodGap> FindOpenGap(const std::vector<PeriodInfo>& periods, PeriodId from,
                                     PeriodId until, const std::vector<Watch>& watches,
                                     const std::vector<std::string>& paths) {
  return FindGap(periods, from, until, watches, paths,
                 [until](const Gap& gap) { return !gap.filled() || gap.filled_in >= until; });
}

bool HasGap(const std::vector<PeriodInfo>& periods, PeriodId from, PeriodId until,
            const std::vector<Watch>& watches, const std::vector<std::string>& paths) {
  return FindGap(periods, from, until, watches, paths, [](const Gap&) { return true; }).has_value();
}

}  // namespace cj
