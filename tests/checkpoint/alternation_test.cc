// The checkpoint protocol, every interleaving of one change with the steps of a checkpoint. The
// same tests are linked with mutants of alternation.cc that lack a step (CMakeLists.txt): the tag
// says which mutant a test must catch.
#include <sys/fanotify.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <future>
#include <vector>

#include "tests/checkpoint/harness.h"
#include "tests/checkpoint/history.h"

namespace cj {
namespace {

// More than there are kernel calls in a checkpoint: later ones mean "after the answer".
constexpr int kPositions = 16;

// Runs a checkpoint and does things at chosen positions: 0 is before the call, k before the k-th
// kernel call that it makes, and what was not reached comes after the answer.
class Interleaving {
 public:
  using Action = std::function<void()>;
  void At(int position, Action action) { actions_.push_back({position, std::move(action)}); }

  void Run() {
    REQUIRE(test.Start());
    DoUpTo(0);
    test.kernel.SetHook([this](const std::string& call) {
      if (call != "close") DoUpTo(++position_);  // closing has a thread of its own
    });
    MakeCheckpoint();
    test.kernel.SetHook(nullptr);
    DoUpTo(kPositions);
    MakeCheckpoint();
    REQUIRE(test.engine->Flush());
  }

  std::vector<std::string> Violations() { return history.Violations(test.store.records()); }

  TestEngine test;
  History history;

 private:
  struct Planned {
    int position;
    Action action;
    bool done = false;
  };

  void DoUpTo(int position) {
    for (Planned& planned : actions_) {
      if (planned.done || planned.position > position) continue;
      planned.done = true;
      planned.action();
    }
  }

  void MakeCheckpoint() {
    const std::size_t number = history.Asked();
    auto result = test.engine->Checkpoint("");
    REQUIRE(result);
    history.Answered(number, result->sealed.id);
  }

  std::vector<Planned> actions_;
  int position_ = 0;
};

TEST_CASE("alternation: the steps come in their order", "[order]") {
  TestEngine test;
  REQUIRE(test.Start());
  const std::size_t before = test.kernel.calls().size();
  REQUIRE(test.engine->Checkpoint("label"));
  auto calls = test.kernel.calls();
  calls.erase(calls.begin(), calls.begin() + static_cast<std::ptrdiff_t>(before));
  std::erase(calls, "close");
  CHECK(calls == std::vector<std::string>{"read", "create", "mark", "mark", "barrier", "scan",
                                          "unmark", "unmark", "read"});
  CHECK(test.store.Periods().back().label == "label");
}

TEST_CASE("alternation: a change at any moment, its notification in flight for any time",
          "[step2][step4]") {
  for (int begin = 0; begin < kPositions; ++begin) {
    for (int end = begin; end < kPositions; ++end) {
      Interleaving run;
      std::size_t change = 0;
      int flight = 0;
      run.At(begin, [&] {
        change = run.history.Visible("file");
        flight = run.test.kernel.Look(FileEvent(FAN_MODIFY, "file"));
      });
      run.At(end, [&] {
        run.test.kernel.Queue(flight);
        run.history.Returned(change);
      });
      run.Run();
      CAPTURE(begin, end);
      CHECK(run.Violations().empty());
    }
  }
}

TEST_CASE("alternation: visible long before its notification begins") {
  for (int visible = 0; visible < kPositions; ++visible) {
    for (int notified = visible; notified < kPositions; ++notified) {
      Interleaving run;
      std::size_t change = 0;
      run.At(visible, [&] { change = run.history.Visible("file"); });
      run.At(notified, [&] {
        run.test.kernel.Report(FileEvent(FAN_MODIFY, "file"));
        run.history.Returned(change);
      });
      run.Run();
      CAPTURE(visible, notified);
      CHECK(run.Violations().empty());
    }
  }
}

TEST_CASE("alternation: stores through a mapping that comes and goes at any moment", "[step3]") {
  for (int map = 0; map < kPositions; ++map) {
    for (int store = map; store < kPositions; ++store) {
      for (int unmap = store; unmap <= kPositions; ++unmap) {
        Interleaving run;
        run.At(map, [&] {
          run.test.kernel.Map(
              {VolumeId(1), TestHandle("o-mapped"), TestHandle("dir"), "mapped", 7});
        });
        run.At(store, [&] { run.history.Returned(run.history.Visible("mapped")); });
        // kPositions + 1 would never be reached: the mapping stays.
        run.At(unmap == kPositions ? kPositions + 1 : unmap,
               [&] { run.test.kernel.Unmap("mapped", FileEvent(FAN_CLOSE_WRITE, "mapped")); });
        run.Run();
        CAPTURE(map, store, unmap);
        CHECK(run.Violations().empty());
      }
    }
  }
}

TEST_CASE("alternation: the answer waits until the boundary is durable", "[answer]") {
  TestEngine test;
  REQUIRE(test.Start());
  const PeriodId before = test.open_period();
  test.kernel.Report(FileEvent(FAN_CREATE, "file"));
  test.store.Block("advance");
  auto answer = std::async(std::launch::async, [&] { return test.engine->Checkpoint(""); });
  test.store.AwaitBlocked();
  // Whoever answers early does so within this time; whoever does not costs it.
  const bool early = answer.wait_for(std::chrono::milliseconds(300)) == std::future_status::ready;
  test.store.Unblock();
  CHECK_FALSE(early);
  auto result = answer.get();
  REQUIRE(result);
  if (early) return;
  CHECK(result->sealed.id == before);
  CHECK(result->opened.id == before.Next());
  CHECK(result->sealed.end_usec == result->opened.start_usec);
  CHECK(test.store.durable() == test.store.records().size());
}

TEST_CASE("alternation: a period knows how long before it nobody looked for silent writers") {
  TestEngine test;
  REQUIRE(test.Start());
  CHECK(test.store.Periods().back().unscanned_usec == 0);
  test.kernel.SetHook([&](const std::string& call) {
    if (call == "scan") test.clock.Advance(1'000'000);
    if (call == "unmark") test.clock.Advance(90'000'000);
  });
  REQUIRE(test.engine->Checkpoint(""));
  test.kernel.SetHook(nullptr);
  const std::int64_t unscanned_usec = test.store.Periods().back().unscanned_usec;
  CHECK(unscanned_usec >= 181'000'000);  // two volumes
  CHECK(unscanned_usec < 182'000'000);
}

TEST_CASE("alternation: what happens after the answer is in the next period, before it is not") {
  TestEngine test;
  REQUIRE(test.Start());
  for (int round = 0; round < 5; ++round) {
    const PeriodId period = test.open_period();
    test.kernel.Report(FileEvent(FAN_MODIFY, "same"));
    REQUIRE(test.engine->Checkpoint(""));
    CHECK(test.NamesIn(period) == std::vector<std::string>{"same"});
  }
}

}  // namespace
}  // namespace cj
