// The answering thread, with programs that a test makes up.
#include "checkpoint/responder.h"

#include <sys/fanotify.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "fanotify/kernel_abi.h"
#include "tests/checkpoint/harness.h"
#include "tests/support/fake_openers.h"

namespace cj {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

IntentRing NewRing() {
  auto ring = IntentRing::Create(JournalId(1));
  REQUIRE(ring);
  return std::move(*ring);
}

// A responder that runs, with one marked slot.
struct Running : Responder::Listener {
  explicit Running(IntentLevel level, std::int64_t deadline_usec = 20'000'000)
      : responder(Clock::System(), ring, closer, *this, {deadline_usec, 50}), thread([this] {
          while (responder.Step()) {
          }
        }) {
    slot = Open(level);
  }
  ~Running() override {
    if (slot != nullptr) Retire();
    responder.Stop();
    thread.join();
  }
  std::shared_ptr<PreSlot> Open(IntentLevel level) {
    auto opened = std::make_shared<PreSlot>();
    auto group = kernel.CreatePreGroup(PreMode::kOpen);
    REQUIRE(group);
    opened->group = std::move(*group);
    opened->volume = VolumeId(1);
    opened->level = level;
    REQUIRE(responder.Add(opened));
    REQUIRE(opened->group->Mark(TestVolume(1)));
    return opened;
  }
  void Retire() {
    REQUIRE(slot->group->Unmark());
    responder.Retire(std::exchange(slot, nullptr));
  }
  int Write(const std::string& object) { return kernel.Begin({object, true, 4242}); }
  int Read(const std::string& object) { return kernel.Begin({object, false, 4242}); }
  void IntentPushed(bool was_awaited) override { awaited += was_awaited ? 1 : 0; }
  void Await(const std::function<bool()>& condition) {
    while (!condition()) std::this_thread::yield();
  }

  FakeOpeners kernel;
  IntentRing ring = NewRing();
  Closer closer;
  std::atomic<int> awaited = 0;
  Responder responder;
  std::thread thread;
  std::shared_ptr<PreSlot> slot;
};

std::string ObjectAt(const IntentRing& ring, std::uint64_t number) {
  auto intent = ring.At(number);
  REQUIRE(intent);
  REQUIRE(intent->has_value());
  return std::string((*intent)->object.view().bytes);
}

TEST_CASE("responder: an open for reading goes on and leaves nothing behind") {
  Running running(IntentLevel::kSynced);
  CHECK(running.kernel.AwaitDone(running.Read("f")));
  CHECK(running.ring.last() == 0);
  CHECK_FALSE(running.kernel.Ignored("f"));
}

TEST_CASE("responder: an open for writing is on record and ignored before it goes on") {
  Running running(IntentLevel::kKept);
  std::atomic<std::uint64_t> on_record = 0;
  std::atomic<bool> ignored = false;
  running.kernel.SetAllowHook([&](const FakeOpen& open) {
    on_record = running.ring.last();
    ignored = running.kernel.Ignored(open.object);
  });
  CHECK(running.kernel.AwaitDone(running.Write("f")));
  CHECK(on_record == 1);
  CHECK(ignored);
  CHECK(ObjectAt(running.ring, 1) == "f");
  // Again: it waits for nobody.
  CHECK(running.kernel.Done(running.Write("f")));
  CHECK(running.ring.last() == 1);
}

TEST_CASE("responder: this process's own opens go on unrecorded, whatever the level") {
  Running running(IntentLevel::kSynced);
  CHECK(running.kernel.AwaitDone(running.kernel.Begin({"store", true, ::getpid()})));
  CHECK(running.ring.last() == 0);
  CHECK(running.responder.counters().own == 1);
}

TEST_CASE("responder: a reader's first access is ignored, its later opens for writing are not") {
  Running running(IntentLevel::kKept);
  CHECK(running.kernel.AwaitDone(running.kernel.Begin({"f", false, 4242, cj::abi::kFanPreAccess})));
  CHECK_FALSE(running.kernel.Ignored("f"));
  CHECK(running.kernel.AwaitDone(running.Write("f")));
  CHECK(running.ring.last() == 1);
}

TEST_CASE("responder: a program waits until its intent is as durable as was asked") {
  for (const IntentLevel level : {IntentLevel::kAppended, IntentLevel::kSynced}) {
    Running running(level);
    const int first = running.Write("a");
    const int second = running.Write("b");
    running.Await([&] { return running.ring.last() == 2 && running.awaited >= 2; });
    // Others who open it have to wait for the same.
    CHECK_FALSE(running.kernel.Ignored("a"));
    const int other = running.Write("a");
    running.Await([&] { return running.ring.last() == 3; });
    CHECK_FALSE(running.kernel.Done(other));
    // Readers do not wait for them.
    CHECK(running.kernel.AwaitDone(running.Read("c")));
    CHECK_FALSE(running.kernel.Done(first));
    if (level == IntentLevel::kSynced) {
      running.responder.Reached(IntentLevel::kAppended, 2);
      CHECK(running.kernel.AwaitDone(running.Read("d")));
      CHECK_FALSE(running.kernel.Done(first));
    }
    running.responder.Reached(level, 1);
    CHECK(running.kernel.AwaitDone(first));
    CHECK(running.kernel.Ignored("a"));
    CHECK_FALSE(running.kernel.Done(second));
    running.responder.Reached(level, 3);
    CHECK(running.kernel.AwaitDone(second));
    CHECK(running.kernel.AwaitDone(other));
    CHECK(running.ring.Missed().count == 0);
  }
}

TEST_CASE("responder: the deadline costs one wait, not one for each open") {
  constexpr milliseconds kDeadline(1000);  // enough for a slow build on a busy machine
  Running running(IntentLevel::kSynced, kDeadline / std::chrono::microseconds(1));
  auto begin = steady_clock::now();
  CHECK(running.kernel.AwaitDone(running.Write("a")));
  const auto waited = steady_clock::now() - begin;
  CHECK(waited >= kDeadline);
  CHECK(waited < 10 * kDeadline);
  const MissedIntents missed = running.ring.Missed();
  CHECK(missed.count == 1);
  CHECK(missed.volume == VolumeId(1));
  CHECK(missed.from_usec <= missed.to_usec);
  CHECK(running.responder.hasty_since_usec() != 0);
  // Nobody waits while the store does not answer; everything is told as missed.
  begin = steady_clock::now();
  for (int i = 0; i < 50; ++i) {
    CHECK(running.kernel.AwaitDone(running.Write("b" + std::to_string(i))));
  }
  CHECK(steady_clock::now() - begin < 50 * kDeadline / 2);
  CHECK(running.ring.Missed().count == 51);
  CHECK(running.responder.counters().missed == 51);
  // It answers again: programs wait again.
  running.responder.Reached(IntentLevel::kSynced, running.ring.last());
  running.Await([&] { return running.responder.hasty_since_usec() == 0; });
  const int again = running.Write("c");
  running.Await([&] { return running.ring.last() == 52; });
  running.responder.Reached(IntentLevel::kSynced, 52);
  CHECK(running.kernel.AwaitDone(again));
  CHECK(running.ring.Missed().count == 51);
}

TEST_CASE("responder: without room in the ring a program waits for room, and is not ignored") {
  Running running(IntentLevel::kKept);
  for (std::size_t i = 0; i < IntentRing::kEntries; ++i) {
    REQUIRE(running.kernel.AwaitDone(running.Write(std::to_string(i))));
  }
  const int one_more = running.Write("one more");
  CHECK(running.kernel.AwaitDone(running.Read("reader")));
  CHECK_FALSE(running.kernel.Done(one_more));
  CHECK_FALSE(running.kernel.Ignored("one more"));
  running.ring.Free(1);
  running.responder.Nudge();
  CHECK(running.kernel.AwaitDone(one_more));
  CHECK(ObjectAt(running.ring, IntentRing::kEntries + 1) == "one more");
  CHECK(running.ring.Missed().count == 0);
}

TEST_CASE("responder: more programs than can wait go on, and are told as missed") {
  Running running(IntentLevel::kSynced);
  std::vector<int> opens;
  for (std::size_t i = 0; i < Responder::kMaxHeld; ++i) {
    opens.push_back(running.Write(std::to_string(i)));
  }
  running.Await([&] { return running.ring.last() == Responder::kMaxHeld; });
  CHECK_FALSE(running.kernel.Done(opens.front()));
  const int beyond = running.Write("beyond");
  CHECK(running.kernel.AwaitDone(beyond));
  // The store does not keep up: those who waited need not wait on.
  for (const int open : opens) CHECK(running.kernel.AwaitDone(open));
  CHECK(running.ring.Missed().count == Responder::kMaxHeld + 1);
}

TEST_CASE("responder: a slot that is retired is closed when nobody waits in it any more") {
  Running running(IntentLevel::kSynced);
  const int held = running.Write("held");
  running.Await([&] { return running.ring.last() == 1; });
  running.Retire();
  auto next = running.Open(IntentLevel::kSynced);
  CHECK(running.kernel.AwaitDone(running.Read("other")));
  CHECK(running.kernel.living_pre_groups() == 2);
  CHECK_FALSE(running.kernel.Done(held));
  running.responder.Reached(IntentLevel::kSynced, 1);
  CHECK(running.kernel.AwaitDone(held));
  running.Await([&] { return running.kernel.living_pre_groups() == 1; });
  running.slot = std::move(next);
}

TEST_CASE("responder: intents of a turn carry its number") {
  Running running(IntentLevel::kKept);
  CHECK(running.kernel.AwaitDone(running.Write("before")));
  running.responder.SetTurn(7);
  CHECK(running.kernel.AwaitDone(running.Write("during")));
  running.responder.SetTurn(0);
  CHECK((**running.ring.At(1)).turn == 0);
  CHECK((**running.ring.At(2)).turn == 7);
}

TEST_CASE("responder: groups beyond the limit are refused") {
  Running running(IntentLevel::kKept);
  std::vector<std::shared_ptr<PreSlot>> slots;
  Status added;
  while (added) {
    auto slot = std::make_shared<PreSlot>();
    auto group = running.kernel.CreatePreGroup(PreMode::kOpen);
    REQUIRE(group);
    slot->group = std::move(*group);
    added = running.responder.Add(slot);
    if (added) slots.push_back(std::move(slot));
  }
  CHECK(slots.size() == Responder::kMaxSlots - 1);
  CHECK(added.error().code == ErrorCode::kLimit);
  for (auto& slot : slots) running.responder.Retire(slot);
}

}  // namespace
}  // namespace cj
