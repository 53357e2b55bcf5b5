#include "journal/gaps.h"

#include <catch2/catch.hpp>

namespace cj {
namespace {

TEST_CASE("gaps: of one volume and one cause they are one") {
  std::vector<Gap> gaps;
  AddGap({"/a", 10, 20, "overflow"}, &gaps);
  AddGap({"/a", 30, 40, "overflow"}, &gaps);
  AddGap({"/a", 5, 7, "overflow"}, &gaps);
  AddGap({"/b", 30, 40, "overflow"}, &gaps);
  AddGap({"/a", 30, 40, "error"}, &gaps);
  CHECK(gaps == std::vector<Gap>{{"/a", 5, 40, "overflow"},
                                 {"/b", 30, 40, "overflow"},
                                 {"/a", 30, 40, "error"}});
}

TEST_CASE("gaps: there is an end to their number") {
  std::vector<Gap> gaps;
  for (std::size_t i = 0; i < kMaxGaps; ++i) {
    AddGap({"/a", 100, 200, "error " + std::to_string(i)}, &gaps);
  }
  REQUIRE(gaps.size() == kMaxGaps);
  CHECK(gaps.back().cause == "error " + std::to_string(kMaxGaps - 1));
  for (std::int64_t i = 0; i < 3; ++i) AddGap({"/b", 50 - i, 300 + i, "yet another"}, &gaps);
  REQUIRE(gaps.size() == kMaxGaps);
  CHECK(gaps.back() == Gap{"", 48, 302, "more causes than can be listed"});
  CHECK(gaps.front() == Gap{"/a", 100, 200, "error 0"});
}

TEST_CASE("gaps: one that grows is another one afterwards, whatever the clock says") {
  std::vector<Gap> gaps = {{"/a", 10, 20, "overflow"}};
  const Gap before = gaps.front();
  AddGap({"/a", 12, 15, "overflow"}, &gaps);
  REQUIRE(gaps.size() == 1);
  CHECK_FALSE(gaps.front() == before);
  CHECK_FALSE(FillGap({PeriodId(1), before, {before}}, PeriodId(2), &gaps));
}

Gap Filled(Gap gap, std::uint64_t period) {
  gap.filled_in = PeriodId(period);
  return gap;
}

TEST_CASE("gaps: one that is filled does not grow") {
  std::vector<Gap> gaps = {Filled({"/a", 10, 20, "overflow"}, 3)};
  AddGap({"/a", 30, 40, "overflow"}, &gaps);
  AddGap({"/a", 50, 60, "overflow"}, &gaps);
  CHECK(gaps ==
        std::vector<Gap>{Filled({"/a", 10, 20, "overflow"}, 3), {"/a", 30, 60, "overflow"}});
  // Where there are too many, the last one stands for all, and is open again.
  gaps.assign(kMaxGaps, Filled({"/a", 10, 20, "overflow"}, 3));
  AddGap({"/a", 30, 40, "overflow"}, &gaps);
  CHECK(gaps.back() == Gap{"", 10, 40, "more causes than can be listed"});
}

TEST_CASE("gaps: only one that is as it was is filled") {
  const Gap gap{"", 10, 20, "stopped"};
  const Gap part_a = Filled({"/a", 10, 20, "stopped"}, 1);
  const Gap part_b{"/b", 10, 20, "stopped"};
  std::vector<Gap> gaps = {{"/a", 1, 2, "error"}, gap};
  CHECK(FillGap({PeriodId(2), gap, {part_a, part_b}}, PeriodId(5), &gaps));
  CHECK(gaps == std::vector<Gap>{{"/a", 1, 2, "error"}, Filled(part_a, 5), part_b});
  CHECK_FALSE(FillGap({PeriodId(2), gap, {Filled(gap, 1)}}, PeriodId(5), &gaps));
  gaps = {{"", 10, 21, "stopped"}};
  CHECK_FALSE(FillGap({PeriodId(2), gap, {Filled(gap, 1)}}, PeriodId(5), &gaps));
  CHECK(gaps == std::vector<Gap>{{"", 10, 21, "stopped"}});
  gaps.assign(kMaxGaps, gap);
  CHECK_FALSE(FillGap({PeriodId(2), gap, {part_a, part_b}}, PeriodId(5), &gaps));
  CHECK(FillGap({PeriodId(2), gap, {Filled(gap, 1)}}, PeriodId(5), &gaps));
}

TEST_CASE("gaps: which one stands in the way") {
  Watch a;
  a.volume.id = VolumeId(1);
  a.volume.path = "/a/tree";
  a.volume.mount_point = "/a";
  Watch b;
  b.volume.id = VolumeId(2);
  b.volume.path = "/b";
  b.volume.mount_point = "/b";
  struct Row {
    Gap gap;  // in period 5
    std::uint64_t from, until;
    std::vector<std::string> paths;
    bool open, any;
  };
  const Row rows[] = {
      {{"", 1, 2, ""}, 5, 6, {}, true, true},
      {{"", 1, 2, ""}, 6, 9, {}, false, false},
      {{"", 1, 2, ""}, 3, 5, {}, false, false},
      {Filled({"", 1, 2, ""}, 7), 5, 8, {}, false, true},
      {Filled({"", 1, 2, ""}, 7), 5, 7, {}, true, true},
      {{"/b", 1, 2, ""}, 5, 6, {"/a/tree/x"}, false, false},
      {{"/b", 1, 2, ""}, 5, 6, {"/a/tree", "/b/x"}, true, true},
      {{"/elsewhere", 1, 2, ""}, 5, 6, {"/b"}, true, true},
  };
  for (const Row& row : rows) {
    std::vector<PeriodInfo> periods(7);
    for (std::size_t i = 0; i < periods.size(); ++i) periods[i].id = PeriodId(3 + i);
    periods[2].gaps = {row.gap};
    const PeriodId from(row.from);
    const PeriodId until(row.until);
    CHECK(FindOpenGap(periods, from, until, {a, b}, row.paths).has_value() == row.open);
    CHECK(HasGap(periods, from, until, {a, b}, row.paths) == row.any);
  }
}

}  // namespace
}  // namespace cj
