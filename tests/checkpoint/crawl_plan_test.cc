// What a crawl decides: which trees, since when, and which gaps it has filled.
#include "checkpoint/crawl_plan.h"

#include <catch2/catch.hpp>

#include "checkpoint/crawl_echo.h"
#include "journal/store.h"

namespace cj {
namespace {

constexpr std::int64_t kMargin = 10;

Watch WatchOf(std::uint32_t volume, const std::string& mount, const std::string& path) {
  Watch watch;
  watch.volume.id = VolumeId(volume);
  watch.volume.mount_point = mount;
  watch.volume.path = path;
  return watch;
}

// Two volumes; the first has two watches.
const std::vector<Watch> kWatches = {WatchOf(1, "/a", "/a/x"), WatchOf(1, "/a", "/a/y"),
                                     WatchOf(2, "/b", "/b")};

PeriodInfo Period(std::uint64_t id, std::vector<Gap> gaps) {
  PeriodInfo period;
  period.id = PeriodId(id);
  period.gaps = std::move(gaps);
  return period;
}

Gap Filled(Gap gap, std::uint64_t period) {
  gap.filled_in = PeriodId(period);
  return gap;
}

FileHandle Handle(const std::string& name) { return FileHandle::FromEncoded(name); }

std::vector<std::int64_t> SincesOf(const CrawlPlan& plan) {
  std::vector<std::int64_t> sinces;
  for (const CrawlPart& part : plan.parts) sinces.push_back(part.since_usec);
  return sinces;
}

const Gap kAll{"", 100, 200, "stopped"};
const Gap kOfA{"/a", 300, 400, "unmounted"};
const Gap kOfB{"/b", 500, 600, "unmounted"};
const Gap kUnknown{"/not watched", 700, 800, "unmounted"};

}  // namespace

TEST_CASE("crawl: a volume is walked since the earliest of its gaps, less the margin") {
  struct Row {
    std::vector<Gap> gaps;
    std::vector<std::int64_t> sinces;  // of the watches that are walked
  };
  const Row rows[] = {
      {{}, {}},
      {{Filled(kAll, 2)}, {}},
      {{kAll}, {90, 90, 90}},
      {{kOfA}, {290, 290}},
      {{kOfB}, {490}},
      {{kOfB, kOfA}, {290, 290, 490}},
      {{kAll, kOfB}, {90, 90, 90}},
      {{Filled(kAll, 2), kOfB}, {490}},
      // Of a time when something else was watched: it may be of any volume.
      {{kUnknown}, {690, 690, 690}},
      {{kUnknown, kOfB}, {690, 690, 490}},
  };
  for (const Row& row : rows) {
    const CrawlPlan plan = PlanForGaps({Period(1, row.gaps)}, kWatches, {}, {}, kMargin);
    CHECK(SincesOf(plan) == row.sinces);
  }
}

TEST_CASE("crawl: a time that nobody knows is before all others") {
  CHECK(SinceOf({"", kCrawlEverything, 0, ""}, kMargin) == kCrawlEverything);
  CHECK(SinceOf({"", kCrawlEverything + kMargin - 1, 0, ""}, kMargin) == kCrawlEverything);
  CHECK(SinceOf({"", 0, 0, ""}, kMargin) == -kMargin);
}

TEST_CASE("crawl: what was walked before is walked for later gaps only") {
  const std::vector<PeriodInfo> periods = {Period(1, {kAll}), Period(2, {kOfA})};
  CrawlNote note;
  note.watched = WatchedHash(kWatches);
  note.gaps = {{PeriodId(1), kAll}};
  note.walked = {{0, Handle("d")}, {2, Handle("e")}};
  CrawlPlan plan = PlanForGaps(periods, kWatches, note, {}, kMargin);
  REQUIRE(plan.parts.size() == 3);
  CHECK(plan.parts[0].since_usec == 90);
  CHECK(plan.parts[0].walked == std::map<FileHandle, std::int64_t>{{Handle("d"), 290}});
  CHECK(plan.parts[1].walked.empty());
  CHECK(plan.parts[2].walked == std::map<FileHandle, std::int64_t>{{Handle("e"), kCrawlNothing}});

  // A gap that has grown meanwhile is another one.
  note.gaps.front().gap.to_usec -= 1;
  plan = PlanForGaps(periods, kWatches, note, {}, kMargin);
  CHECK(plan.parts[2].walked == std::map<FileHandle, std::int64_t>{{Handle("e"), 90}});

  // Other watches, other excludes: the note is of no use.
  std::vector<Watch> others = kWatches;
  others[0].excludes = {"*.o"};
  plan = PlanForGaps(periods, others, note, {}, kMargin);
  for (const CrawlPart& part : plan.parts) CHECK(part.walked.empty());
}

TEST_CASE("crawl: a gap is filled when every tree that it concerns has been walked") {
  const auto plan_of = [](const Gap& gap) {
    return PlanForGaps({Period(7, {gap})}, kWatches, {}, {}, kMargin);
  };
  const auto fill_of = [](const Gap& gap, std::vector<Gap> parts) {
    return std::vector<GapFill>{{PeriodId(7), gap, std::move(parts)}};
  };
  CHECK(FillsOf(plan_of(kAll), {true, true, true}, kMargin) == fill_of(kAll, {Filled(kAll, 1)}));
  CHECK(FillsOf(plan_of(kAll), {false, false, false}, kMargin).empty());
  // The second watch of the volume is missing: so is the volume.
  CHECK(FillsOf(plan_of(kOfA), {true, false}, kMargin).empty());
  CHECK(FillsOf(plan_of(kOfA), {true, true}, kMargin) == fill_of(kOfA, {Filled(kOfA, 1)}));
  // One of two volumes: a gap for each.
  Gap a = kAll;
  a.volume = "/a";
  Gap b = kAll;
  b.volume = "/b";
  const auto half = FillsOf(plan_of(kAll), {true, true, false}, kMargin);
  CHECK(half == fill_of(kAll, {Filled(a, 1), b}));
  CHECK(LeftOpen(plan_of(kAll), half) == std::vector<PeriodGap>{{PeriodId(7), b}});
  CHECK(LeftOpen(plan_of(kAll), {}) == std::vector<PeriodGap>{{PeriodId(7), kAll}});
}

TEST_CASE("crawl: what was asked for fills the gaps that it happens to reach") {
  const std::vector<PeriodInfo> periods = {Period(7, {kAll, kOfB})};
  auto plan = PlanForPaths(periods, kWatches, {}, 90);
  REQUIRE(plan.has_value());
  CHECK(FillsOf(*plan, {true, true, true}, kMargin).size() == 2);
  plan = PlanForPaths(periods, kWatches, {}, 91);
  CHECK(FillsOf(*plan, {true, true, true}, kMargin).size() == 1);
  // A part of a tree fills nothing.
  plan = PlanForPaths(periods, kWatches, {"/b/sub"}, 0);
  REQUIRE(plan->parts.size() == 1);
  CHECK(plan->parts.front().path == "/b/sub");
  CHECK(FillsOf(*plan, {true}, kMargin).empty());
  plan = PlanForPaths(periods, kWatches, {"/a"}, 0);
  CHECK(plan->parts.size() == 2);
  CHECK_FALSE(PlanForPaths(periods, kWatches, {"/c"}, 0).has_value());
}

TEST_CASE("crawl: a note is read as it was written, and damage is noticed") {
  CrawlNote note;
  note.watched = 0x0123456789abcdef;
  note.gaps = {{PeriodId(3), kAll}, {PeriodId(4), {"/b", -5, 5, "odd\xff"}}};
  note.walked = {{0, Handle(std::string("\x01\x00\x02", 3))}, {300, Handle("x")}};
  const std::string text = EncodeCrawlNote(note);
  auto read = DecodeCrawlNote(text);
  REQUIRE(read.has_value());
  CHECK(*read == note);
  CHECK(DecodeCrawlNote("")->walked.empty());
  for (std::size_t length = 1; length < text.size(); ++length) {
    auto cut = DecodeCrawlNote(text.substr(0, length));
    CHECK((!cut.has_value() || cut->walked.size() < note.walked.size()));
  }
  note.walked.push_back({0, Handle(std::string(130, 'x'))});
  CHECK_FALSE(DecodeCrawlNote(EncodeCrawlNote(note)).has_value());
}

TEST_CASE("crawl: a note that is too long is none") {
  CrawlNote note;
  note.walked.assign(kMaxNotedDirectories, {1, Handle(std::string(129, 'x'))});
  CHECK_FALSE(EncodeCrawlNote(note).empty());
  note.gaps.assign(2, {PeriodId(1), {"", 0, 0, std::string(kMaxCrawlNote / 2, 'x')}});
  CHECK(EncodeCrawlNote(note).empty());
}

TEST_CASE("crawl: what may have been undone is told again") {
  Record record;
  record.volume = VolumeId(1);
  record.object = Handle("file");
  record.parent = Handle("dir");
  record.name = "name";
  record.operations = kModified | kClosedWrite;
  CrawlEcho echo(4);
  CHECK(echo.Add(record));
  CHECK(echo.Add(record));  // once is enough
  record.operations = kRenamed | kDirectory;
  record.old_parent = Handle("old");
  record.old_name = "before";
  CHECK(echo.Add(record));
  Record self;
  self.volume = VolumeId(1);
  self.object = Handle("d");
  self.parent = Handle("d");
  self.name = ".";
  self.operations = kAttributes | kDirectory;
  CHECK(echo.Add(self));
  self.operations = kCrawled | kDirectory;
  CHECK_FALSE(echo.Add(self));  // the fifth

  std::vector<Record> told = echo.Take();
  REQUIRE(told.size() == 5);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(told[i].operations == (kCrawled | kDirectory));
    CHECK(told[i].name == ".");
    CHECK(told[i].object == told[i].parent);
  }
  CHECK(told[0].object == Handle("d"));
  CHECK(told[1].object == Handle("dir"));
  CHECK(told[2].object == Handle("old"));
  CHECK(told[3].operations == (kAttributes | kDirectory));
  CHECK(told[4].operations == kCrawled);
  CHECK(told[4].name == "name");
  CHECK(echo.Take().empty());
}

}  // namespace cj
