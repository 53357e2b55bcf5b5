#include "checkpoint/crawl_plan.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "base/text.h"

namespace cj {
namespace {

bool Has(const std::vector<PeriodGap>& gaps, const PeriodGap& gap) {
  return std::find(gaps.begin(), gaps.end(), gap) != gaps.end();
}

std::vector<PeriodGap> OpenGaps(const std::vector<PeriodInfo>& periods) {
  std::vector<PeriodGap> open;
  for (const PeriodInfo& period : periods) {
    for (const Gap& gap : period.gaps) {
      if (!gap.filled()) open.push_back({period.id, gap});
    }
  }
  return open;
}

std::int64_t LessMargin(std::int64_t usec, std::int64_t margin_usec) {
  return usec < kCrawlEverything + margin_usec ? kCrawlEverything : usec - margin_usec;
}

// Since when `watch` must be walked for these gaps, without those in `except`.
std::int64_t SinceFor(const std::vector<PeriodGap>& gaps, const std::vector<PeriodGap>& except,
                      const Watch& watch, const std::vector<Watch>& watches,
                      std::int64_t margin_usec) {
  std::int64_t since = kCrawlNothing;
  for (const PeriodGap& open : gaps) {
    if (Has(except, open) || !Concerns(open.gap, watch, watches)) continue;
    since = std::min(since, SinceOf(open.gap, margin_usec));
  }
  return since;
}

// Every checkpoint looks at the silent writers, the last one before the gap's period began.
std::int64_t FilesSinceFor(const std::vector<PeriodGap>& gaps, const std::vector<PeriodGap>& except,
                           const std::vector<PeriodInfo>& periods, const Watch& watch,
                           const std::vector<Watch>& watches, std::int64_t margin_usec) {
  std::int64_t since = kCrawlNothing;
  for (const PeriodInfo& period : periods) {
    const bool concerned = std::any_of(gaps.begin(), gaps.end(), [&](const PeriodGap& open) {
      return open.period == period.id && !Has(except, open) && Concerns(open.gap, watch, watches);
    });
    if (!concerned) continue;
    since = std::min(since, LessMargin(period.start_usec - period.unscanned_usec, margin_usec));
  }
  return since;
}

// The volumes of which every watch was walked for this gap.
std::set<VolumeId> VolumesWalked(const CrawlPlan& plan, const std::vector<bool>& walked,
                                 const Gap& gap, std::int64_t margin_usec) {
  std::set<VolumeId> done;
  std::set<VolumeId> missing;
  for (std::size_t i = 0; i < plan.watches.size(); ++i) {
    const Watch& watch = plan.watches[i];
    if (!Concerns(gap, watch, plan.watches)) continue;
    bool found = false;
    for (std::size_t part = 0; part < plan.parts.size(); ++part) {
      found |= plan.parts[part].watch == i && plan.parts[part].path == watch.volume.path &&
               walked[part] && plan.parts[part].since_usec <= SinceOf(gap, margin_usec);
    }
    (found ? done : missing).insert(watch.volume.id);
  }
  for (const VolumeId volume : missing) done.erase(volume);
  return done;
}

// One gap for each volume that it concerns.
std::vector<Gap> Split(const CrawlPlan& plan, const Gap& gap, const std::set<VolumeId>& walked) {
  std::vector<Gap> parts;
  std::set<VolumeId> seen;
  for (const Watch& watch : plan.watches) {
    if (!Concerns(gap, watch, plan.watches)) continue;
    if (watch.bound() && !seen.insert(watch.volume.id).second) continue;
    Gap part = gap;
    part.volume = watch.bound() ? watch.volume.mount_point : watch.wanted;
    if (walked.count(watch.volume.id) != 0) part.filled_in = PeriodId(1);
    parts.push_back(std::move(part));
  }
  return parts;
}

}  // namespace

std::int64_t SinceOf(const Gap& gap, std::int64_t margin_usec) {
  return LessMargin(gap.from_usec, margin_usec);
}

bool Concerns(const Gap& gap, const Watch& watch, const std::vector<Watch>& watches) {
  std::vector<Watch> of_its_volume;
  std::copy_if(watches.begin(), watches.end(), std::back_inserter(of_its_volume),
               [&](const Watch& each) { return each.volume.id == watch.volume.id; });
  return Concerns(gap, of_its_volume, watches);
}

CrawlPlan PlanForGaps(const std::vector<PeriodInfo>& periods, const std::vector<Watch>& watches,
                      const CrawlNote& note, const std::vector<PeriodGap>& except,
                      std::int64_t margin_usec) {
  CrawlPlan plan;
  plan.watches = watches;
  plan.gaps = OpenGaps(periods);
  std::erase_if(plan.gaps, [&](const PeriodGap& open) { return Has(except, open); });
  const bool goes_on = note.watched == WatchedHash(watches);
  for (std::size_t i = 0; i < watches.size(); ++i) {
    CrawlPart part;
    part.watch = i;
    part.path = watches[i].volume.path;
    part.since_usec = SinceFor(plan.gaps, {}, watches[i], watches, margin_usec);
    if (part.since_usec == kCrawlNothing) continue;
    part.files_since_usec = FilesSinceFor(plan.gaps, {}, periods, watches[i], watches, margin_usec);
    part.walked_files_since_usec =
        FilesSinceFor(plan.gaps, note.gaps, periods, watches[i], watches, margin_usec);
    const std::int64_t rest = SinceFor(plan.gaps, note.gaps, watches[i], watches, margin_usec);
    for (const CrawlNote::Walked& walked : note.walked) {
      if (goes_on && walked.watch == i) part.walked.emplace(walked.directory, rest);
    }
    plan.parts.push_back(std::move(part));
  }
  return plan;
}

Result<CrawlPlan> PlanForPaths(const std::vector<PeriodInfo>& periods,
                               const std::vector<Watch>& watches,
                               const std::vector<std::string>& paths, std::int64_t since_usec,
                               bool to_all, std::int64_t margin_usec) {
  const std::uint32_t also = to_all ? kCrawlAskedFor : 0;
  CrawlPlan plan;
  plan.watches = watches;
  plan.gaps = OpenGaps(periods);
  for (const std::string& path : paths) {
    const bool known = std::any_of(watches.begin(), watches.end(), [&](const Watch& watch) {
      return Covers(watch, path) || PathContains(path, watch.volume.path);
    });
    if (known) continue;
    return Error{ErrorCode::kInvalidArgument,
                 path + " is not under any watch, or is excluded: see `changectl status`"};
  }
  for (std::size_t i = 0; i < watches.size(); ++i) {
    const std::string& root = watches[i].volume.path;
    const std::int64_t files_since =
        FilesSinceFor(plan.gaps, {}, periods, watches[i], watches, margin_usec);
    const bool whole =
        paths.empty() || std::any_of(paths.begin(), paths.end(), [&](const std::string& path) {
          return PathContains(path, root);
        });
    if (whole) {
      plan.parts.push_back({i, root, since_usec, files_since, also, {}});
      continue;
    }
    for (const std::string& path : paths) {
      if (!Covers(watches[i], path)) continue;
      plan.parts.push_back({i, path, since_usec, files_since, also, {}});
    }
  }
  return plan;
}

std::vector<GapFill> FillsOf(const CrawlPlan& plan, const std::vector<bool>& walked,
                             std::int64_t margin_usec) {
  std::vector<GapFill> fills;
  for (const PeriodGap& open : plan.gaps) {
    const std::set<VolumeId> done = VolumesWalked(plan, walked, open.gap, margin_usec);
    if (done.empty()) continue;
    GapFill fill{open.period, open.gap, Split(plan, open.gap, done)};
    if (done.size() == fill.parts.size()) {
      fill.parts = {open.gap};
      fill.parts.front().filled_in = PeriodId(1);
    }
    fills.push_back(std::move(fill));
  }
  return fills;
}

std::vector<PeriodGap> LeftOpen(const CrawlPlan& plan, const std::vector<GapFill>& fills) {
  std::vector<PeriodGap> left;
  for (const PeriodGap& open : plan.gaps) {
    auto fill = std::find_if(fills.begin(), fills.end(), [&](const GapFill& each) {
      return each.period == open.period && each.gap == open.gap;
    });
    if (fill == fills.end()) {
      left.push_back(open);
      continue;
    }
    for (const Gap& part : fill->parts) {
      if (!part.filled()) left.push_back({open.period, part});
    }
  }
  return left;
}

}  // namespace cj
