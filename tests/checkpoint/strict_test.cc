// Strict mode and the checkpoint, with a kernel, programs and a store that the test drives: the
// argument of docs/race-freedom.md, moment by moment.
#include <sys/fanotify.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/checkpoint/strict_engine.h"

namespace cj {

TEST_CASE("strict: programs can be answered before anybody has to wait, and until the end") {
  StrictEngine strict;
  strict.Start();
  const auto calls = strict.kernel.calls();
  CHECK(strict.Position(calls, "pre-mark") < strict.Position(calls, "mark"));
  CHECK(strict.Position(calls, "mark") < strict.Position(calls, "scan-writers"));
  strict.Open("f");
  REQUIRE(strict.engine->Stop());
  CHECK(strict.In(strict.open_period(), "f") == kIntent);
  CHECK(strict.kernel.Done(strict.kernel.Begin({"g"})));
}

// S1.2: recorded before the checkpoint, done after it.
TEST_CASE("strict: a writer that passed before the checkpoint and writes after it is in both",
          "[writers]") {
  StrictEngine strict;
  strict.Start();
  const PeriodId before = strict.open_period();
  strict.Open("held");
  strict.clock.Advance(10 * IntentIntake::kRecentUsec);  // it is long out of open(2)
  strict.kernel.writers = {OpenWriter("held")};
  REQUIRE(strict.engine->Checkpoint(""));
  CHECK(strict.In(before, "held") == kIntent);
  CHECK(strict.In(before.Next(), "held") == kIntent);
  strict.Modify("held");
  REQUIRE(strict.engine->Flush());
  CHECK(strict.In(before.Next(), "held") == (kIntent | kModified));
  CHECK(strict.In(before, "held") == kIntent);
  // As long as it is open, in every period; then no more.
  REQUIRE(strict.engine->Checkpoint(""));
  CHECK(strict.In(before.Next().Next(), "held") == kIntent);
  strict.kernel.writers.clear();
  REQUIRE(strict.engine->Checkpoint(""));
  CHECK(strict.In(strict.open_period(), "held") == 0);
}

TEST_CASE("strict: who is still inside open(2), where no scan sees it, is in both periods") {
  StrictEngine strict;
  strict.Start();
  const PeriodId before = strict.open_period();
  strict.Open("old");
  strict.clock.Advance(10 * IntentIntake::kRecentUsec);
  strict.Open("young");
  REQUIRE(strict.engine->Checkpoint(""));
  CHECK(strict.In(before, "young") == kIntent);
  CHECK(strict.In(before.Next(), "young") == kIntent);
  CHECK(strict.In(before, "old") == kIntent);
  CHECK(strict.In(before.Next(), "old") == 0);
}

TEST_CASE("strict: who is still inside open(2) over two checkpoints is in all three periods") {
  StrictEngine strict;
  strict.Start();
  const PeriodId before = strict.open_period();
  bool opened = false;
  strict.kernel.SetHook([&](const std::string& called) {
    if (called != "barrier" || std::exchange(opened, true)) return;
    strict.kernel.AwaitDone(strict.kernel.Begin({"f", true, 4242}));
  });
  REQUIRE(strict.engine->Checkpoint(""));
  strict.kernel.SetHook({});
  REQUIRE(strict.engine->Checkpoint(""));
  REQUIRE(opened);
  CHECK(strict.In(before.Next(), "f") == kIntent);
  CHECK(strict.In(before.Next().Next(), "f") == kIntent);
}

// Whatever moment of a checkpoint an open begins at, it may write when the new period is there.
TEST_CASE("strict: an open at any moment of a checkpoint is an intent of the new period",
          "[turn]") {
  for (const std::string call : {"pre-create", "pre-mark", "create", "mark", "barrier", "scan",
                                 "scan-writers", "unmark", "read", "pre-unmark"}) {
    CAPTURE(call);
    std::atomic<bool> opened = false;  // outlives the engine, whose threads look at it
    StrictEngine strict;
    strict.Start();
    const PeriodId before = strict.open_period();
    const std::thread::id checkpointing = std::this_thread::get_id();
    strict.kernel.SetHook([&](const std::string& called) {
      // The reader's calls come from its own thread.
      if (called != call || opened) return;
      if (call != "read" && std::this_thread::get_id() != checkpointing) return;
      opened = true;
      const int number = strict.kernel.Begin({"f", true, 4242});
      strict.kernel.AwaitDone(number);
      // It is out of open(2) for long when the scan comes, and closed again.
      strict.clock.Advance(10 * IntentIntake::kRecentUsec);
    });
    REQUIRE(strict.engine->Checkpoint(""));
    strict.kernel.SetHook({});
    REQUIRE(opened);
    REQUIRE(strict.engine->Flush());
    // Before the new groups are marked the write comes before the old one's events are read, unless
    // it is still open then: the scan's business.
    const bool only_old = call == "pre-create" || call == "read";
    const std::uint32_t found =
        strict.In(before.Next(), "f") | (only_old ? strict.In(before, "f") : 0);
    CHECK(found == kIntent);
    REQUIRE(strict.engine->Stop());
  }
}

TEST_CASE("strict: the groups turn over in the order that the proof needs", "[order]") {
  StrictEngine strict;
  strict.Start();
  const std::size_t begin = strict.kernel.calls().size();
  REQUIRE(strict.engine->Checkpoint(""));
  auto calls = strict.kernel.calls();
  calls.erase(calls.begin(), calls.begin() + static_cast<std::ptrdiff_t>(begin));
  CHECK(strict.Position(calls, "pre-mark") < strict.Position(calls, "mark"));
  CHECK(strict.Position(calls, "mark") < strict.Position(calls, "barrier"));
  CHECK(strict.Position(calls, "barrier") < strict.Position(calls, "scan-writers"));
  CHECK(strict.Position(calls, "scan-writers") < strict.Position(calls, "unmark"));
  CHECK(strict.Position(calls, "unmark") < strict.Position(calls, "pre-unmark"));
}

TEST_CASE("strict: a checkpoint that fails leaves every open recorded") {
  for (const char* call : {"pre-create", "pre-mark", "create", "barrier", "scan-writers"}) {
    CAPTURE(call);
    StrictEngine strict;
    strict.Start();
    const PeriodId period = strict.open_period();
    strict.kernel.FailNext(call, Error{ErrorCode::kIo, "on purpose"});
    REQUIRE_FALSE(strict.engine->Checkpoint(""));
    CHECK(strict.open_period() == period);
    strict.Open("f");
    REQUIRE(strict.engine->Flush());
    CHECK(strict.In(period, "f") == kIntent);
    while (strict.kernel.living_pre_groups() > 1) std::this_thread::yield();
    REQUIRE(strict.engine->Checkpoint(""));
    strict.Open("g");
    REQUIRE(strict.engine->Flush());
    CHECK(strict.In(period.Next(), "g") == kIntent);
  }
}

TEST_CASE("strict: what lies outside of the watches is not recorded, and goes on") {
  StrictEngine strict;
  strict.Start();
  strict.Open("outside");
  REQUIRE(strict.engine->Flush());
  CHECK(strict.In(strict.open_period(), "outside") == 0);
}

TEST_CASE("strict: without a keeper the store has the intent before the program goes on") {
  StrictEngine strict(/*kept=*/false);
  strict.Start();
  strict.Open("f");
  CHECK(strict.In(strict.open_period(), "f") == kIntent);
}

TEST_CASE("strict: Durability=sync has it on disk before the program goes on") {
  StrictEngine strict(/*kept=*/true, /*sync=*/true);
  strict.Start();
  for (int i = 0; i < 10; ++i) {
    strict.Open("f" + std::to_string(i));
    const auto records = strict.store.records();
    REQUIRE(records.size() >= 1);
    CHECK(records.back().operations == kIntent);
    CHECK(strict.store.durable() == records.size());
  }
}

TEST_CASE("strict: Durability=sync costs nobody a deadline while others ask all the time") {
  StrictEngine strict(/*kept=*/true, /*sync=*/true);
  strict.real_time = true;
  strict.options.strict.deadline_usec = 20'000'000;
  strict.Start();
  std::atomic<bool> done = false;
  std::thread asker([&] {
    while (!done) (void)strict.engine->Flush().has_value();
  });
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 300; ++i) strict.Open("f" + std::to_string(i));
  const auto took = std::chrono::steady_clock::now() - begin;
  done = true;
  asker.join();
  // One that was not synced with the others would wait for the next second's sync.
  CHECK(took < std::chrono::seconds(60));
  CHECK(strict.engine->counters().strict.missed == 0);
}

TEST_CASE("strict: a store that hangs costs one deadline, and the period says so") {
  // Long enough for a slow build on a busy machine.
  constexpr std::chrono::milliseconds kDeadline(2000);
  for (const bool sync : {false, true}) {
    CAPTURE(sync);
    StrictEngine strict(/*kept=*/false, sync);
    strict.real_time = true;
    strict.options.strict.deadline_usec = kDeadline / std::chrono::microseconds(1);
    strict.Start();
    const PeriodId period = strict.open_period();
    strict.store.Block(sync ? "sync" : "append");
    const auto begin = std::chrono::steady_clock::now();
    strict.Open("first");
    const auto first = std::chrono::steady_clock::now() - begin;
    for (int i = 0; i < 100; ++i) strict.Open("later " + std::to_string(i));
    const auto all = std::chrono::steady_clock::now() - begin;
    CHECK(first >= kDeadline);
    CHECK(all - first < 100 * kDeadline / 2);
    strict.store.Unblock();
    REQUIRE(strict.engine->Flush());
    CHECK(strict.In(period, "first") == kIntent);
    CHECK(strict.In(period, "later 99") == kIntent);
    const std::vector<Gap> gaps = strict.store.Periods().back().gaps;
    REQUIRE(gaps.size() == 1);
    CHECK(gaps[0].volume == TestVolume(1).path);
    CHECK(gaps[0].cause.find("deadline passed") == 0);
    CHECK(gaps[0].from_usec <= gaps[0].to_usec);
    // All is well again.
    REQUIRE(strict.engine->Checkpoint(""));
    strict.Open("after");
    REQUIRE(strict.engine->Flush());
    CHECK(strict.store.Periods().back().gaps.empty());
  }
}

TEST_CASE("strict: nobody waits any longer when the engine stops") {
  StrictEngine strict(/*kept=*/false);
  strict.real_time = true;
  strict.Start();
  strict.store.Block("append");
  const int waiting = strict.kernel.Begin({"f"});
  std::thread stopper([&] { (void)strict.engine->Stop().has_value(); });
  CHECK(strict.kernel.AwaitDone(waiting));
  strict.store.Unblock();
  stopper.join();
  while (strict.kernel.living_pre_groups() > 0) std::this_thread::yield();
}

TEST_CASE("strict: intents that a dead process left behind are stored") {
  auto ring = IntentRing::Create(JournalId(0xc0ffee));
  REQUIRE(ring);
  PreObject object;
  object.handle_type = kTestHandleType;
  object.handle_bytes = 4;
  std::copy_n("left", 4, object.handle.data());
  ring->Push(VolumeId(1), 7, 1000, 3, object);
  ring->NoteMissed(VolumeId(1), 1001, true);
  StrictEngine strict;
  strict.inherited.push_back({kIntentRingName, UniqueFd(::dup(ring->fd()))});
  strict.Start();
  strict.Open("new");
  REQUIRE(strict.engine->Flush());
  CHECK(strict.In(strict.open_period(), "left") == kIntent);
  CHECK(strict.In(strict.open_period(), "new") == kIntent);
  CHECK(strict.store.Periods().back().gaps.size() == 1);
}

TEST_CASE("strict: thousands of opens at once, checkpoints all the time, none unrecorded") {
  StrictEngine strict;
  strict.Start();
  constexpr int kThreads = 8;
  constexpr int kOpens = 1000;
  std::atomic<int> failures = 0;
  std::vector<std::thread> programs;
  for (int program = 0; program < kThreads; ++program) {
    programs.emplace_back([&, program] {
      for (int i = 0; i < kOpens; ++i) {
        const std::string name = std::to_string(program) + "-" + std::to_string(i);
        if (!strict.kernel.AwaitDone(strict.kernel.Begin({name}))) ++failures;
      }
    });
  }
  for (int i = 0; i < 20; ++i) REQUIRE(strict.engine->Checkpoint(""));
  for (std::thread& program : programs) program.join();
  REQUIRE(strict.engine->Flush());
  CHECK(failures == 0);
  std::set<std::string> recorded;
  for (const Record& record : strict.store.records()) recorded.insert(record.name);
  CHECK(recorded.size() == kThreads * kOpens);
  for (const PeriodInfo& period : strict.store.Periods()) CHECK(period.gaps.empty());
}

}  // namespace cj
