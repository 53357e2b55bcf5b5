// A thousand checkpoints under a random schedule: changes begin, are noticed and return at any
// moment, mappings come and go, steps and stores fail. CJ_SEED replays a run.
#include <sys/fanotify.h>

#include <catch2/catch.hpp>
#include <map>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "tests/checkpoint/harness.h"
#include "tests/checkpoint/history.h"
#include "tests/support/seed.h"

namespace cj {
namespace {

constexpr int kCheckpoints = 1000;

class RandomSchedule {
 public:
  explicit RandomSchedule(std::uint64_t seed) : random_(seed) {}

  void Run() {
    REQUIRE(test_.Start());
    test_.kernel.SetHook([this](const std::string& call) {
      if (call != "close") Act();
    });
    for (int i = 0; i < kCheckpoints; ++i) {
      Act();
      MaybeFail();
      if (i % 3 == 0) (void)test_.engine->Flush().has_value();
      if (i % 20 == 0) MakeHot();
      MakeCheckpoint();
    }
    test_.kernel.SetHook(nullptr);
    while (!flights_.empty()) EndOne();
    for (const char* call : {"append", "advance", "gap"}) test_.store.Fail(call, 0);
    while (!test_.engine->Flush()) {
    }
    CHECK(answered_ > kCheckpoints / 2);
    CHECK(history_.changes() > kCheckpoints);
    CHECK(test_.engine->counters().ignored > 0);
    for (const std::string& violation : history_.Violations(test_.store.records())) {
      FAIL_CHECK(violation);
    }
  }

 private:
  bool Chance(int percent) { return static_cast<int>(random_() % 100) < percent; }

  void MakeCheckpoint() {
    const std::size_t number = history_.Asked();
    auto result = test_.engine->Checkpoint("");
    if (!result) return;
    ++answered_;
    history_.Answered(number, result->sealed.id);
  }

  void MaybeFail() {
    std::lock_guard lock(mutex_);
    const Error error{ErrorCode::kIo, "at random", 0};
    static constexpr const char* kKernelCalls[] = {"create", "mark", "barrier", "scan", "unmark"};
    if (Chance(10)) test_.kernel.FailNext(kKernelCalls[random_() % 5], error);
    if (Chance(5)) test_.store.Fail("append", 1);
    if (Chance(5)) test_.store.Fail("advance", 1);
  }

  // On the thread that makes the checkpoint, or on the reader, which may still be draining for a
  // flush that has failed meanwhile.
  void Act() {
    std::lock_guard lock(mutex_);
    switch (random_() % 6) {
      case 0:
        Begin();
        EndOne();
        break;
      case 1:
        Begin();
        break;
      case 2:
        if (!flights_.empty()) EndOne();
        break;
      case 3:
        StoreSilently();
        break;
      case 4:
        if (Chance(20)) Unmap();
        if (Chance(5)) test_.kernel.DropCaches();
        break;
      default:
        break;
    }
  }

  void Begin() {
    const bool hot = Chance(40);
    const std::string name =
        hot ? "hot" + std::to_string(random_() % 2)
            : "f" + std::to_string(random_() % 50) + "-" + std::to_string(history_.changes() / 100);
    const std::size_t change = history_.Visible(name);
    const std::uint64_t mask = hot || Chance(50) ? FAN_MODIFY : FAN_ATTRIB;
    flights_.emplace(test_.kernel.Look(FileEvent(mask, name)), change);
  }

  // A longer period, in which a file becomes so hot that it is ignored.
  void MakeHot() {
    for (int i = 0; i < 10; ++i) {
      {
        std::lock_guard lock(mutex_);
        const std::size_t change = history_.Visible("hot0");
        test_.kernel.Report(FileEvent(FAN_MODIFY, "hot0"));
        history_.Returned(change);
      }
      (void)test_.engine->Flush().has_value();
    }
  }

  void EndOne() {
    auto chosen = flights_.begin();
    std::advance(chosen, static_cast<std::ptrdiff_t>(random_() % flights_.size()));
    test_.kernel.Queue(chosen->first);
    history_.Returned(chosen->second);
    flights_.erase(chosen);
  }

  void StoreSilently() {
    if (mapped_.empty()) {
      mapped_ = "mapped" + std::to_string(history_.changes());
      test_.kernel.Map({VolumeId(1), TestHandle("o-" + mapped_), TestHandle("dir"), mapped_, 7});
    }
    history_.Returned(history_.Visible(mapped_));
  }

  void Unmap() {
    if (mapped_.empty()) return;
    test_.kernel.Unmap(mapped_, FileEvent(FAN_CLOSE_WRITE, mapped_));
    mapped_.clear();
  }

  std::mutex mutex_;
  std::mt19937_64 random_;
  TestEngine test_;
  History history_;
  std::map<int, std::size_t> flights_;
  std::string mapped_;
  int answered_ = 0;
};

TEST_CASE("random: a thousand checkpoints, nothing lost, nothing late") {
  const std::uint64_t seed = TestSeed();
  INFO("replay with CJ_SEED=" << seed);
  RandomSchedule schedule(seed);
  schedule.Run();
}

}  // namespace
}  // namespace cj
