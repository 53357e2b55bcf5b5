#include "checkpoint/engine.h"

#include <sys/fanotify.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <thread>
#include <vector>

#include "checkpoint/shared_rounds.h"
#include "tests/checkpoint/harness.h"

namespace cj {
namespace {

// The clock goes on by less than this from a record's time to the end of its drain.
constexpr std::int64_t kDrainUsec = 100;

TEST_CASE("engine: a new journal starts without a gap, and with no period before its marks") {
  TestEngine test;
  std::vector<std::size_t> periods_when_marked;
  test.kernel.SetHook([&](const std::string& call) {
    if (call == "mark") periods_when_marked.push_back(test.store.CountCalls("advance"));
  });
  REQUIRE(test.Start());
  CHECK(periods_when_marked == std::vector<std::size_t>{0, 0});
  const auto periods = test.store.Periods();
  REQUIRE(periods.size() == 1);
  CHECK(periods[0].id == PeriodId(2));
  CHECK(periods[0].gaps.empty());
  CHECK(periods[0].open());
}

TEST_CASE("engine: a start after that is a gap since the last record") {
  TestEngine test;
  REQUIRE(test.Start());
  test.kernel.Report(FileEvent(FAN_CREATE, "f"));
  REQUIRE(test.engine->Stop());
  const std::int64_t last_usec = test.store.records().back().time_usec;
  test.clock.Advance(5'000'000);
  for (int start = 0; start < 2; ++start) {
    REQUIRE(test.Start());
    const auto periods = test.store.Periods();
    const PeriodInfo& sealed = periods[periods.size() - 2];
    REQUIRE(sealed.gaps.size() == 1);
    const Gap& gap = sealed.gaps[0];
    CHECK(gap.volume.empty());
    CHECK(gap.cause == "the daemon was not running");
    // The second time the period has no records: its start is what is known.
    if (start == 0) CHECK(gap.from_usec <= last_usec + kDrainUsec);
    if (start == 0) CHECK(gap.from_usec > sealed.start_usec);
    if (start == 1) CHECK(gap.from_usec == sealed.start_usec);
    CHECK(gap.to_usec >= gap.from_usec);
    CHECK(gap.to_usec <= periods.back().start_usec);
    CHECK(sealed.end_usec == periods.back().start_usec);
    CHECK(periods.back().gaps.empty());
  }
}

TEST_CASE("engine: a clock that was ahead for a while hides nothing") {
  constexpr std::int64_t kDayUsec = 86'400'000'000;
  TestEngine test;
  test.clock.Set(kDayUsec);
  REQUIRE(test.Start());  // the period begins tomorrow
  test.clock.Set(-kDayUsec);
  test.kernel.Report(FileEvent(FAN_CREATE, "f"));
  REQUIRE(test.engine->Stop());
  const std::int64_t last_usec = test.store.records().back().time_usec;
  test.clock.Set(2 * kDayUsec);
  REQUIRE(test.Start());
  const auto periods = test.store.Periods();
  const auto& gaps = periods[periods.size() - 2].gaps;
  REQUIRE(gaps.size() == 1);
  CHECK(gaps[0].from_usec <= last_usec + kDrainUsec);
}

TEST_CASE("engine: what cannot start says why and leaves the store alone") {
  TestEngine nothing;
  nothing.volumes.clear();
  Status status = nothing.Start();
  REQUIRE_FALSE(status);
  CHECK(status.error().code == ErrorCode::kInvalidArgument);

  for (const char* call : {"create", "mark"}) {
    TestEngine refused;
    refused.kernel.FailNext(call, {ErrorCode::kUnsupported, "watch the upper directory", 0});
    status = refused.Start();
    REQUIRE_FALSE(status);
    CHECK(status.error().message == "watch the upper directory");
    CHECK(refused.store.calls().empty());
    CHECK(refused.kernel.living_groups() == 0);
  }

  for (const char* call : {"advance", "gap"}) {
    TestEngine full;
    REQUIRE(full.Start());
    REQUIRE(full.engine->Stop());
    full.store.Fail(call, 1);
    CHECK_FALSE(full.Start());
  }
}

TEST_CASE("engine: two watches on one volume are one mark") {
  TestEngine test;
  test.volumes = {TestVolume(1), TestVolume(1), TestVolume(2)};
  test.volumes[1].path = "/v1/below";
  REQUIRE(test.Start());
  const auto calls = test.kernel.calls();
  CHECK(std::count(calls.begin(), calls.end(), "mark") == 2);
}

TEST_CASE("engine: a flush stores what was queued and what changes silently, in one batch") {
  TestEngine test;
  REQUIRE(test.Start());
  const PeriodId period = test.open_period();
  test.kernel.Report(FileEvent(FAN_CREATE, "a"));
  test.kernel.Report(FileEvent(FAN_CREATE, "b"));
  test.kernel.Map({VolumeId(1), TestHandle("o-m"), TestHandle("dir"), "m", 7});
  REQUIRE(test.engine->Flush());
  CHECK(test.NamesIn(period) == std::vector<std::string>{"a", "b", "m"});
  CHECK(test.store.CountCalls("append") == 2);  // the drain, then the silent writers
  CHECK(test.open_period() == period);
  const EngineCounters counters = test.engine->counters();
  CHECK(counters.events_read == 2);
  CHECK(counters.records_stored == 3);
  CHECK(counters.appends == 2);
  CHECK(counters.drains == 1);
  CHECK(counters.checkpoints == 0);
  CHECK(counters.storage_error.empty());
}

TEST_CASE("engine: the reader reads by itself when events come") {
  FakeKernel::Options options;
  options.wake_reader = true;
  TestEngine test(options);
  test.options.reader.drain_interval_usec = 1;
  REQUIRE(test.Start());
  test.kernel.Report(FileEvent(FAN_CREATE, "a"));
  CHECK(test.store.AwaitCalls("append", 1));
}

TEST_CASE("engine: the listener hears the number of the last record") {
  TestEngine test;
  REQUIRE(test.Start());
  std::vector<std::uint64_t> heard;  // written by the writer, read after Stop()
  test.engine->SetAppendListener([&](SequenceNumber last) { heard.push_back(last.value); });
  test.kernel.Report(FileEvent(FAN_CREATE, "a"));
  test.kernel.Report(FileEvent(FAN_CREATE, "b"));
  REQUIRE(test.engine->Flush());
  REQUIRE(test.engine->Flush());
  test.kernel.Report(FileEvent(FAN_CREATE, "c"));
  REQUIRE(test.engine->Checkpoint(""));
  REQUIRE(test.engine->Stop());
  CHECK(heard == std::vector<std::uint64_t>{2, 3});
}

TEST_CASE("engine: a queue that overflowed is a gap of the open period") {
  FakeKernel::Options options;
  options.queue_limit = 16;
  TestEngine test(options);
  test.options.unlimited_queue = false;
  REQUIRE(test.Start());
  for (int i = 0; i < 40; ++i) {
    test.kernel.Report(FileEvent(FAN_CREATE, "f" + std::to_string(i)));
  }
  REQUIRE(test.engine->Flush());
  const PeriodInfo open = test.store.Periods().back();
  REQUIRE(open.gaps.size() == 1);
  CHECK(open.gaps[0].cause == "the kernel dropped events: its queue was full");
  CHECK(open.gaps[0].from_usec < open.start_usec);  // nothing was read since the group was made
  CHECK(open.gaps[0].to_usec > open.start_usec);
  CHECK(test.store.records().size() == 16);
  CHECK(test.engine->counters().overflows == 1);
  // It is the gap of that period alone, and of no later one.
  REQUIRE(test.engine->Checkpoint(""));
  test.kernel.Report(FileEvent(FAN_CREATE, "later"));
  REQUIRE(test.engine->Flush());
  CHECK(test.store.Periods().back().gaps.empty());
}

TEST_CASE("engine: stopping stores what is queued, syncs, and ends everything; twice is once") {
  TestEngine test;
  REQUIRE(test.Start());
  test.kernel.Report(FileEvent(FAN_CREATE, "last"));
  REQUIRE(test.engine->Stop());
  REQUIRE(test.engine->Stop());
  CHECK(test.store.records().size() == 1);
  CHECK(test.store.durable() == 1);
  auto result = test.engine->Checkpoint("");
  REQUIRE_FALSE(result);
  CHECK(result.error().code == ErrorCode::kCancelled);
  Status flushed = test.engine->Flush();
  REQUIRE_FALSE(flushed);
  CHECK(flushed.error().code == ErrorCode::kCancelled);
  test.engine.reset();
  CHECK(test.kernel.living_groups() == 0);
}

TEST_CASE("engine: checkpoints asked for at once each get their own period") {
  TestEngine test;
  REQUIRE(test.Start());
  constexpr int kCallers = 8;
  std::vector<std::uint64_t> opened(kCallers);
  std::vector<std::thread> callers;
  for (int i = 0; i < kCallers; ++i) {
    callers.emplace_back([&, i] {
      auto result = test.engine->Checkpoint("");
      if (result) opened[static_cast<std::size_t>(i)] = result->opened.id.value;
    });
  }
  for (std::thread& caller : callers) caller.join();
  std::sort(opened.begin(), opened.end());
  for (int i = 0; i < kCallers; ++i) {
    CHECK(opened[static_cast<std::size_t>(i)] == 3 + static_cast<std::uint64_t>(i));
  }
  CHECK(test.engine->counters().checkpoints == kCallers);
}

TEST_CASE(
    "rounds: a caller is served by a round that began after its call, and rounds are shared") {
  SharedRounds rounds;
  std::atomic<int> begun = 0;
  std::atomic<int> ended = 0;
  std::atomic<int> wrong = 0;
  constexpr int kCallers = 8;
  constexpr int kCalls = 200;
  std::vector<std::thread> callers;
  for (int i = 0; i < kCallers; ++i) {
    callers.emplace_back([&] {
      for (int call = 0; call < kCalls; ++call) {
        const int before = begun.load();
        Status status = rounds.Join([&] {
          ++begun;
          std::this_thread::yield();
          ++ended;
          return Status();
        });
        if (!status || ended.load() <= before) ++wrong;
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  CHECK(wrong == 0);
  CHECK(begun <= kCallers * kCalls);
  const auto fail = [] { return Status(Error{ErrorCode::kIo, "no", 0}); };
  CHECK_FALSE(rounds.Join(fail));
}

// The kernel's reads block until they are let go, or the store's writes.
TEST_CASE("engine: alive is who moves, or has a reason to stand still") {
  std::atomic<bool> stuck = true;  // outlives the engine, whose end reads once more
  std::atomic<bool> reading = false;
  FakeKernel::Options options;
  options.wake_reader = true;
  TestEngine test(options);
  REQUIRE(test.Start());
  auto becomes = [&](bool wanted) {
    while (test.engine->Alive() != wanted) std::this_thread::yield();
  };
  becomes(true);
  SECTION("idle") {
    becomes(true);  // again and again: it is nudged each time
  }
  SECTION("the store does not answer") {
    test.store.Block("append");
    test.kernel.Report(FileEvent(FAN_CREATE, "a"));
    test.store.AwaitBlocked();
    for (int i = 0; i < 100; ++i) becomes(true);
    test.clock.Advance(kStorePatienceUsec);
    becomes(false);
    CHECK_FALSE(test.engine->Alive());
    test.store.Unblock();
    becomes(true);
  }
  SECTION("the reader is stuck in the kernel") {
    test.kernel.SetHook([&](const std::string& call) {
      if (call != "read") return;
      reading = true;
      while (stuck) std::this_thread::yield();
    });
    test.kernel.Report(FileEvent(FAN_CREATE, "a"));
    while (!reading) std::this_thread::yield();
    becomes(false);
    CHECK_FALSE(test.engine->Alive());
    stuck = false;
    becomes(true);
  }
}

}  // namespace
}  // namespace cj
