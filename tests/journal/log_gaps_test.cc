#include "journal/log_gaps.h"

#include <catch2/catch.hpp>
#include <string>

namespace cj {
namespace {

PeriodInfo Period(std::uint64_t id, std::vector<Gap> gaps) {
  PeriodInfo period;
  period.id = PeriodId(id);
  period.gaps = std::move(gaps);
  return period;
}

Watch WatchOn(const std::string& path, std::uint32_t volume) {
  Watch watch;
  watch.volume.id = VolumeId(volume);
  watch.volume.path = watch.volume.mount_point = path;
  return watch;
}

const std::vector<PeriodInfo> kPeriods = {
    Period(1, {{"/a", 0, 10, "one"}}),
    Period(2, {{"/b", 20, 40, "three"}, {"", 20, 30, "two"}}),
    Period(3, {{"/a", 50, 60, "four"}}),
};
const std::vector<Watch> kWatches = {WatchOn("/a", 1), WatchOn("/b", 2)};

// The causes, and the times of records where they stand.
std::string Read(const std::vector<PeriodGap>& gaps, bool reverse) {
  const std::vector<std::pair<std::uint64_t, std::int64_t>> times = {{1, 5},  {1, 15}, {2, 29},
                                                                     {2, 30}, {2, 45}, {3, 46}};
  LogGaps between(gaps, reverse);
  std::string text;
  for (std::size_t i = 0; i <= times.size(); ++i) {
    Record record;
    if (i < times.size()) {
      const auto& [period, time] = times[reverse ? times.size() - 1 - i : i];
      record.period = PeriodId(period);
      record.time_usec = time;
    }
    while (auto gap = between.TakeBefore(i < times.size() ? &record : nullptr)) {
      text += gap->gap.cause + " ";
    }
    if (i < times.size()) text += std::to_string(record.time_usec) + " ";
  }
  return text;
}

std::vector<PeriodGap> Gaps(const std::vector<std::string>& paths,
                            const std::vector<PeriodGap>& told = {}) {
  return GapsForLog(kPeriods, PeriodId(1), PeriodId(4), kWatches, paths, told);
}

TEST_CASE("log: a gap stands before the first record after its end") {
  CHECK(Read(Gaps({}), false) == "5 one 15 29 two 30 three 45 46 four ");
  CHECK(Read(Gaps({}), true) == "four 46 45 three 30 two 29 15 one 5 ");
}

TEST_CASE("log: gaps of other trees and periods are not told") {
  CHECK(Read(Gaps({"/b/below"}), false) == "5 15 29 two 30 three 45 46 ");
  CHECK(GapsForLog(kPeriods, PeriodId(3), PeriodId(4), kWatches, {}, {}).size() == 1);
  CHECK(GapsForLog(kPeriods, PeriodId(1), PeriodId(2), kWatches, {}, {}).size() == 1);
}

TEST_CASE("log: gaps that were told are told again only when they are filled") {
  std::vector<PeriodGap> told = Gaps({});
  CHECK(Gaps({}, told).empty());
  told[0].gap.to_usec -= 1;  // it has grown since
  CHECK(Gaps({}, told).empty());
  CHECK(GapsForLog(kPeriods, PeriodId(1), PeriodId(4), kWatches, {}, told, true).size() == 1);
  told[0].gap.filled_in = PeriodId(2);
  CHECK(Gaps({}, told).size() == 1);
}

}  // namespace
}  // namespace cj
