// Files that are written again and again: ignored in their period, and never longer than that.
#include "checkpoint/hot_files.h"

#include <sys/fanotify.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/checkpoint/harness.h"

namespace cj {
namespace {

constexpr int kEnough = RepeatCounter::kRepeats + 1;  // the first one is recorded

using Names = std::vector<std::string>;

// Writes until the file is ignored, a drain for each.
void MakeHot(TestEngine& test, const std::string& name = "hot") {
  for (int i = 0; i < kEnough; ++i) {
    CHECK(test.kernel.ignored() == 0);
    test.kernel.Report(FileEvent(FAN_MODIFY, name));
    REQUIRE(test.engine->Drain());
  }
  REQUIRE(test.kernel.ignored() == 1);
}

// A write of which the kernel says nothing.
bool IsIgnored(TestEngine& test, const std::string& name = "hot") {
  const std::size_t before = test.kernel.queued();
  test.kernel.Report(FileEvent(FAN_MODIFY, name));
  return test.kernel.queued() == before;
}

TEST_CASE("hot files: ignored in their period, heard again in the next one") {
  TestEngine test;
  REQUIRE(test.Start());
  for (int i = 0; i < 5; ++i) {
    const PeriodId period = test.open_period();
    MakeHot(test);
    CHECK(IsIgnored(test));
    CHECK_FALSE(IsIgnored(test, "other"));
    REQUIRE(test.engine->Checkpoint(""));
    CHECK(test.NamesIn(period) == Names{"hot", "other"});
    CHECK_FALSE(IsIgnored(test));
    REQUIRE(test.engine->Checkpoint(""));
    CHECK(test.NamesIn(period.Next()) == Names{"hot"});
    while (test.kernel.living_groups() > 1) std::this_thread::yield();
  }
  CHECK(test.engine->counters().ignored == 5);
}

// On no record: should it come into a watch, its writes are what records tell of.
TEST_CASE("hot files: outside of every watch they are not ignored") {
  TestEngine test;
  test.scope.outside = {"dir"};
  REQUIRE(test.Start());
  for (int i = 0; i < 3 * kEnough; ++i) {
    test.kernel.Report(FileEvent(FAN_MODIFY, "outside"));
    REQUIRE(test.engine->Drain());
  }
  CHECK(test.kernel.ignored() == 0);
  CHECK(test.NamesIn(test.open_period()).empty());
}

TEST_CASE("hot files: only writing is ignored") {
  TestEngine test;
  REQUIRE(test.Start());
  MakeHot(test);
  for (const std::uint64_t mask : {FAN_ATTRIB, FAN_CLOSE_WRITE, FAN_DELETE}) {
    test.kernel.Report(FileEvent(mask, "hot"));
    CHECK(test.kernel.queued() == 1);
    REQUIRE(test.engine->Drain());
  }
  // Attributes are another class than content.
  CHECK(test.NamesIn(test.open_period()) == Names{"hot", "hot", "hot"});
}

TEST_CASE("hot files: attributes that repeat themselves are not ignored") {
  TestEngine test;
  REQUIRE(test.Start());
  for (int i = 0; i < 3 * kEnough; ++i) {
    test.kernel.Report(FileEvent(FAN_ATTRIB, "f"));
    test.kernel.Report(FileEvent(FAN_CLOSE_WRITE, "f"));
    REQUIRE(test.engine->Drain());
  }
  CHECK(test.kernel.ignored() == 0);
}

TEST_CASE("hot files: when the inode leaves memory they are heard, and ignored again") {
  TestEngine test;
  REQUIRE(test.Start());
  MakeHot(test);
  test.kernel.DropCaches();
  CHECK_FALSE(IsIgnored(test));
  REQUIRE(test.engine->Drain());
  for (int i = 1; i < RepeatCounter::kRepeats; ++i) {
    CHECK_FALSE(IsIgnored(test));
    REQUIRE(test.engine->Drain());
  }
  CHECK(IsIgnored(test));
  CHECK(test.NamesIn(test.open_period()) == Names{"hot"});
}

// Each of these makes the journal forget that the change is on record.
TEST_CASE("hot files: what is forgotten is not ignored any more, before anything is stored") {
  FakeSource source;  // outlives the engine, whose end looks once more
  FakeKernel::Options options;
  TestEngine test(options);
  test.options.watches = &source;
  REQUIRE(test.Start());
  MakeHot(test);
  SECTION("events were lost") {
    EventSpec overflow;
    overflow.mask = FAN_Q_OVERFLOW;
    test.kernel.Report(overflow);
    REQUIRE(test.engine->Drain());
  }
  SECTION("other trees are watched") {
    auto binding = std::make_shared<Binding>();
    binding->volumes = {TestVolume(1), TestVolume(2)};
    source.next = {binding, {{"/watched", "another filesystem has been mounted there"}}};
    REQUIRE(test.engine->Flush());
  }
  SECTION("the disk has lost what was stored") {
    test.store.Lose();
    REQUIRE(test.engine->Drain());
  }
  CHECK(test.kernel.ignored() == 0);
  const std::size_t before = test.NamesIn(test.open_period()).size();
  CHECK_FALSE(IsIgnored(test));
  REQUIRE(test.engine->Drain());
  CHECK(test.NamesIn(test.open_period()).size() == before + 1);
}

// The writer finds in events of the period that ends that a file is hot: the mark would be of no
// use in that group, and must not come into the other one.
TEST_CASE("hot files: the group of the next period is not marked for the one before") {
  TestEngine test;
  REQUIRE(test.Start());
  for (int i = 0; i < kEnough - 1; ++i) {
    test.kernel.Report(FileEvent(FAN_MODIFY, "hot"));
    REQUIRE(test.engine->Drain());
  }
  bool done = false;
  test.kernel.SetHook([&](const std::string& call) {
    // Both groups have marks: the open one and the next one hear it.
    if (call == "barrier" && !std::exchange(done, true)) {
      test.kernel.Report(FileEvent(FAN_MODIFY, "hot"));
    }
  });
  const PeriodId period = test.open_period();
  REQUIRE(test.engine->Checkpoint(""));
  test.kernel.SetHook(nullptr);
  REQUIRE(done);
  while (test.kernel.living_groups() > 1) std::this_thread::yield();
  CHECK(test.kernel.ignored() == 0);
  REQUIRE(test.engine->Drain());
  CHECK(test.NamesIn(period.Next()) == Names{"hot"});
}

// The old group is read to its end beside the new one, which then goes on alone.
TEST_CASE("hot files: after a checkpoint that could not seal") {
  TestEngine test;
  REQUIRE(test.Start());
  const PeriodId period = test.open_period();
  MakeHot(test);
  SECTION("the store failed") { test.store.Fail("advance", 1); }
  SECTION("the old group could not be drained") {
    test.kernel.SetHook([&](const std::string& call) {
      if (call == "unmark") test.store.Fail("append", 1);
    });
    test.kernel.Report(FileEvent(FAN_CREATE, "new"));
  }
  (void)test.engine->Checkpoint("").has_value();
  test.kernel.SetHook(nullptr);
  test.store.Fail("append", 0);
  while (!test.engine->Flush()) {
  }
  while (test.kernel.living_groups() > 1) std::this_thread::yield();
  // Whichever period goes on: the file is heard in it, or ignored where it is on record.
  for (int i = 0; i < 2 * kEnough; ++i) {
    (void)IsIgnored(test);
    REQUIRE(test.engine->Drain());
  }
  const PeriodId open = test.open_period();
  const Names names = test.NamesIn(open);
  CHECK(std::count(names.begin(), names.end(), "hot") >= 1);
  REQUIRE(test.engine->Checkpoint(""));
  CHECK_FALSE(IsIgnored(test));
  REQUIRE(test.engine->Drain());
  CHECK(test.NamesIn(test.open_period()) == Names{"hot"});
  CHECK(period <= open);
}

TEST_CASE("hot files: a mark that cannot be made costs nothing") {
  TestEngine test;
  REQUIRE(test.Start());
  test.kernel.FailNext("ignore", {ErrorCode::kIo, "no memory"});
  for (int i = 0; i < kEnough; ++i) {
    test.kernel.Report(FileEvent(FAN_MODIFY, "hot"));
    REQUIRE(test.engine->Drain());
  }
  CHECK(test.kernel.ignored() == 0);
  for (int i = 0; i < RepeatCounter::kRepeats; ++i) {
    test.kernel.Report(FileEvent(FAN_MODIFY, "hot"));
    REQUIRE(test.engine->Drain());
  }
  CHECK(test.kernel.ignored() == 1);
}

TEST_CASE("hot files: no more marks than the kernel's memory is worth, and only where one reads") {
  FakeKernel kernel;
  auto group = kernel.CreateGroup(true);
  REQUIRE(group);
  HotFiles hot(kernel);
  hot.AddVolumes(std::vector<VolumeMount>{TestVolume(1)});
  const auto repeat = [&](std::uint64_t number, const std::string& name) {
    for (int i = 0; i < RepeatCounter::kRepeats; ++i) {
      hot.Repeated(number, VolumeId(1), TestHandle(name).view());
    }
  };
  repeat(1, "nobody reads");
  hot.Read(group->get(), 1, false);
  repeat(1, "another group is read, too");
  hot.Read(group->get(), 2, true);
  repeat(1, "of the group before");
  repeat(0, "of another process");
  CHECK(kernel.ignored() == 0);
  for (std::size_t i = 0; i < HotFiles::kMaxMarks + 10; ++i) repeat(2, std::to_string(i));
  CHECK(kernel.ignored() == HotFiles::kMaxMarks);
  CHECK(hot.made() == HotFiles::kMaxMarks);
  hot.Forget();
  CHECK(kernel.ignored() == 0);
  repeat(2, "again");
  CHECK(kernel.ignored() == 1);
  hot.Read(nullptr, 0, false);
}

}  // namespace
}  // namespace cj
