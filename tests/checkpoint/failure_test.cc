// Steps and stores that fail: the open period goes on, nothing is lost, the error says why.
#include <sys/fanotify.h>

#include <catch2/catch.hpp>
#include <string>
#include <thread>
#include <vector>

#include "checkpoint/writer.h"
#include "tests/checkpoint/harness.h"

namespace cj {
namespace {

// Groups are closed by a thread of their own. Waits as long as the test may take.
void AwaitOneGroup(const FakeKernel& kernel) {
  while (kernel.living_groups() != 1) std::this_thread::yield();
}

TEST_CASE("failure: a step that fails leaves the period open and loses nothing") {
  for (const char* step : {"create", "mark", "barrier", "scan"}) {
    TestEngine test;
    REQUIRE(test.Start());
    const PeriodId period = test.open_period();
    test.kernel.Report(FileEvent(FAN_CREATE, "before"));
    // The event comes at the last moment before the step.
    test.kernel.SetHook([&](const std::string& call) {
      if (call == step) test.kernel.Report(FileEvent(FAN_CREATE, "during"));
    });
    test.kernel.FailNext(step, {ErrorCode::kLimit, "too many open files", 24});
    auto result = test.engine->Checkpoint("");
    test.kernel.SetHook(nullptr);
    CAPTURE(step);
    REQUIRE_FALSE(result);
    CHECK(result.error().code == ErrorCode::kLimit);
    CHECK(result.error().message ==
          "no checkpoint was made, the open period goes on: too many open files");
    CHECK(test.open_period() == period);
    test.kernel.Report(FileEvent(FAN_CREATE, "after"));
    REQUIRE(test.engine->Flush());
    CHECK(test.NamesIn(period) == std::vector<std::string>{"before", "during", "after"});
    AwaitOneGroup(test.kernel);
    CHECK(test.engine->Checkpoint(""));
  }
}

TEST_CASE("failure: a mark that cannot be taken off does no harm") {
  TestEngine test;
  REQUIRE(test.Start());
  const PeriodId period = test.open_period();
  test.kernel.FailNext("unmark", {ErrorCode::kIo, "no", 0});
  test.kernel.Report(FileEvent(FAN_CREATE, "before"));
  REQUIRE(test.engine->Checkpoint(""));
  test.kernel.Report(FileEvent(FAN_CREATE, "after"));
  REQUIRE(test.engine->Flush());
  CHECK(test.NamesIn(period) == std::vector<std::string>{"before"});
  CHECK(test.NamesIn(period.Next()) == std::vector<std::string>{"after"});
}

TEST_CASE("failure: a boundary that cannot be stored: the period goes on with the new group") {
  TestEngine test;
  REQUIRE(test.Start());
  const PeriodId period = test.open_period();
  test.store.Fail("advance", 1);
  test.kernel.SetHook([&](const std::string& call) {
    if (call == "unmark") test.kernel.Report(FileEvent(FAN_CREATE, "during"));
  });
  auto result = test.engine->Checkpoint("");
  test.kernel.SetHook(nullptr);
  REQUIRE_FALSE(result);
  CHECK(result.error().code == ErrorCode::kLimit);
  CHECK(test.open_period() == period);
  test.kernel.Report(FileEvent(FAN_CREATE, "after"));
  REQUIRE(test.engine->Flush());
  auto names = test.NamesIn(period);
  CHECK(std::count(names.begin(), names.end(), "during") >= 1);
  CHECK(names.back() == "after");
  REQUIRE(test.engine->Checkpoint(""));
  CHECK(test.open_period() == period.Next());
}

TEST_CASE("failure: a store that fails keeps its records, tells everybody, and recovers") {
  TestEngine test;
  REQUIRE(test.Start());
  const PeriodId period = test.open_period();
  test.store.Fail("append", RecordingStore::kForever);
  test.kernel.Report(FileEvent(FAN_CREATE, "a"));
  for (int attempt = 0; attempt < 3; ++attempt) {
    Status flushed = test.engine->Flush();
    REQUIRE_FALSE(flushed);
    CHECK(flushed.error().code == ErrorCode::kLimit);
    CHECK(flushed.error().message == "changes cannot be stored: No space left on device");
    CHECK(test.engine->counters().storage_error == flushed.error().message);
    auto result = test.engine->Checkpoint("");
    REQUIRE_FALSE(result);
    CHECK(test.kernel.living_groups() == 1);  // it turned back before it made a group
    test.kernel.Report(FileEvent(FAN_CREATE, "b" + std::to_string(attempt)));
  }
  test.store.Fail("append", 0);
  while (!test.engine->Flush()) {  // an attempt that has just failed may answer the first
  }
  CHECK(test.NamesIn(period) == std::vector<std::string>{"a", "b0", "b1", "b2"});
  CHECK(test.engine->counters().storage_error.empty());
}

TEST_CASE("failure: a gap that cannot be stored keeps the period open") {
  FakeKernel::Options options;
  options.queue_limit = 4;
  TestEngine test(options);
  test.options.unlimited_queue = false;
  REQUIRE(test.Start());
  const PeriodId period = test.open_period();
  for (int i = 0; i < 10; ++i) test.kernel.Report(FileEvent(FAN_CREATE, std::to_string(i)));
  test.store.Fail("gap", 2);
  CHECK_FALSE(test.engine->Checkpoint(""));
  CHECK(test.open_period() == period);
  while (!test.engine->Flush()) {
  }
  CHECK(test.store.Periods().back().gaps.size() == 1);
  REQUIRE(test.engine->Checkpoint(""));
}

// The store fails in the middle of step 4, with more events in A than the ring holds: A has no
// marks any more, is not read to its end, and B goes on beside it.
TEST_CASE("failure: the old group that could not be drained is read on beside the new one") {
  constexpr std::size_t kEvents = 120'000;
  TestEngine test;
  REQUIRE(test.Start());
  const PeriodId period = test.open_period();
  bool reported = false;
  test.kernel.SetHook([&](const std::string& call) {
    if (call != "barrier" || reported) return;
    reported = true;
    for (std::size_t i = 0; i < kEvents; ++i) {
      test.kernel.Report(FileEvent(FAN_CREATE, std::to_string(i)));
    }
    test.store.Fail("append", RecordingStore::kForever);
  });
  auto result = test.engine->Checkpoint("");
  test.kernel.SetHook(nullptr);
  REQUIRE_FALSE(result);
  CHECK(test.open_period() == period);
  // More attempts meanwhile change nothing.
  CHECK_FALSE(test.engine->Checkpoint(""));
  CHECK_FALSE(test.engine->Flush());
  CHECK(test.kernel.living_groups() == 2);
  test.kernel.Report(FileEvent(FAN_CREATE, "late"));
  test.store.Fail("append", 0);
  while (!test.engine->Flush()) {
  }
  auto names = test.NamesIn(period);
  // A's events, then B's: those that came after B was marked are in both.
  CHECK(names.size() == 2 * kEvents + 1);
  CHECK(names.back() == "late");
  REQUIRE(test.engine->Checkpoint(""));
  CHECK(test.open_period() == period.Next());
  REQUIRE(test.engine->Stop());
  test.engine.reset();
  CHECK(test.kernel.living_groups() == 0);
}

TEST_CASE("failure: a store that never recovers does not keep the engine from stopping") {
  TestEngine test;
  REQUIRE(test.Start());
  test.store.Fail("append", RecordingStore::kForever);
  for (int i = 0; i < 100'000; ++i) test.kernel.Report(FileEvent(FAN_CREATE, std::to_string(i)));
  CHECK_FALSE(test.engine->Flush());
  Status stopped = test.engine->Stop();
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().code == ErrorCode::kLimit);
}

TEST_CASE("failure: what was stored and is gone is no reason to drop a repeat of it") {
  TestEngine test;
  REQUIRE(test.Start());
  const PeriodId period = test.open_period();
  for (int i = 0; i < 2; ++i) {
    test.kernel.Report(FileEvent(FAN_MODIFY, "file"));
    REQUIRE(test.engine->Flush());
  }
  CHECK(test.NamesIn(period).size() == 1);
  test.store.Lose();
  // The write that finds it out may itself hold the repeat, or come before it.
  test.kernel.Report(FileEvent(FAN_CREATE, "other"));
  REQUIRE(test.engine->Flush());
  test.kernel.Report(FileEvent(FAN_MODIFY, "file"));
  REQUIRE(test.engine->Flush());
  CHECK(test.NamesIn(period) == std::vector<std::string>{"file", "other", "file"});
}

TEST_CASE("failure: events that cannot be read are a gap") {
  TestEngine test;
  REQUIRE(test.Start());
  test.kernel.FailNext("read", {ErrorCode::kIo, "out of memory", 12});
  test.kernel.Report(FileEvent(FAN_CREATE, "a"));
  REQUIRE(test.engine->Flush());
  const PeriodInfo open = test.store.Periods().back();
  REQUIRE(open.gaps.size() == 1);
  CHECK(open.gaps[0].cause == "reading events failed: out of memory");
  REQUIRE(test.engine->Flush());
  CHECK(test.NamesIn(open.id) == std::vector<std::string>{"a"});
}

}  // namespace
}  // namespace cj
