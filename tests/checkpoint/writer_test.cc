#include "checkpoint/writer.h"

#include <sys/fanotify.h>

#include <catch2/catch.hpp>
#include <cstring>
#include <string>
#include <vector>

#include "tests/checkpoint/harness.h"

namespace cj {
namespace {

// A writer whose Step() the test calls.
struct HandWriter {
  HandWriter() : writer(store, scope, clock, spool, waiters, volumes, {}) { writer.Begin(); }

  void Publish(const std::string& bytes) {
    auto buffer = spool.Acquire();
    std::memcpy(buffer.data(), bytes.data(), bytes.size());
    spool.Publish(bytes.size(), {10, 20});
  }
  std::shared_ptr<Marker> Mark(bool seal = false) {
    auto marker = std::make_shared<Marker>();
    marker->seal = seal;
    marker->ticket = waiters.NewTicket();
    spool.PushMarker(marker);
    return marker;
  }

  RecordingStore store;
  TestScope scope;
  TickingClock clock;
  Spool spool;
  Waiters waiters;
  std::vector<VolumeMount> volumes{TestVolume(1)};
  Writer writer;
};

TEST_CASE("writer: one batch per drain, whatever the number of buffers") {
  HandWriter hand;
  for (int i = 0; i < 3; ++i) hand.Publish(EventBytes(FileEvent(FAN_CREATE, std::to_string(i))));
  for (int i = 0; i < 3; ++i) REQUIRE(hand.writer.Step());
  CHECK(hand.store.calls().empty());
  hand.spool.PushEndOfDrain();
  REQUIRE(hand.writer.Step());
  CHECK(hand.store.calls() == std::vector<std::string>{"append"});
  CHECK(hand.store.records().size() == 3);
}

TEST_CASE("writer: a drain of very many records is more than one batch") {
  HandWriter hand;
  std::string bytes;
  for (int i = 0; i < 500; ++i) bytes += EventBytes(FileEvent(FAN_CREATE, std::to_string(i)));
  for (std::size_t records = 0; records < Writer::kMaxBatchRecords; records += 500) {
    CHECK(hand.store.calls().empty());
    hand.Publish(bytes);
    REQUIRE(hand.writer.Step());
  }
  CHECK(hand.store.calls() == std::vector<std::string>{"append"});
}

TEST_CASE("writer: what was appended is synced after the interval, and only then") {
  HandWriter hand;
  auto wake = [&] {
    hand.spool.Wake();
    REQUIRE(hand.writer.Step());
  };
  wake();
  hand.clock.Advance(10'000'000);
  wake();
  CHECK(hand.store.calls().empty());
  hand.Publish(EventBytes(FileEvent(FAN_CREATE, "a")));
  hand.spool.PushEndOfDrain();
  for (int i = 0; i < 2; ++i) REQUIRE(hand.writer.Step());
  hand.clock.Advance(900'000);
  wake();
  CHECK(hand.store.CountCalls("sync") == 0);
  hand.clock.Advance(100'000);
  wake();
  CHECK(hand.store.CountCalls("sync") == 1);
  hand.clock.Advance(10'000'000);
  wake();
  CHECK(hand.store.CountCalls("sync") == 1);
}

TEST_CASE("writer: a sync that fails is told and tried again") {
  HandWriter hand;
  hand.Publish(EventBytes(FileEvent(FAN_CREATE, "a")));
  hand.spool.PushEndOfDrain();
  for (int i = 0; i < 2; ++i) REQUIRE(hand.writer.Step());
  hand.store.Fail("sync", 1);
  for (int i = 0; i < 2; ++i) {
    hand.clock.Advance(1'000'000);
    hand.spool.Wake();
    REQUIRE(hand.writer.Step());
    CHECK(hand.writer.counters().storage_error.empty() == (i == 1));
  }
  CHECK(hand.store.durable() == 1);
}

TEST_CASE("writer: a seal takes what is pending along, a seal nobody waits for is none") {
  HandWriter hand;
  hand.Publish(EventBytes(FileEvent(FAN_CREATE, "a")));
  auto given_up = hand.Mark(/*seal=*/true);
  given_up->ticket->Complete(Error{ErrorCode::kCancelled, "", 0});
  for (int i = 0; i < 2; ++i) REQUIRE(hand.writer.Step());
  CHECK(hand.store.calls() == std::vector<std::string>{"append"});
  hand.Publish(EventBytes(FileEvent(FAN_CREATE, "b")));
  auto seal = hand.Mark(/*seal=*/true);
  for (int i = 0; i < 2; ++i) REQUIRE(hand.writer.Step());
  REQUIRE(seal->ticket->Wait());
  CHECK(hand.store.calls() == std::vector<std::string>{"append", "advance"});
  CHECK(seal->sealed.record_count == 2);
  CHECK(seal->opened.first_sequence == SequenceNumber(3));
}

TEST_CASE("writer: bytes that are no events are a gap, what came before them is kept") {
  HandWriter hand;
  hand.Publish(EventBytes(FileEvent(FAN_CREATE, "a")) + std::string(30, '\xff'));
  auto marker = hand.Mark();
  for (int i = 0; i < 2; ++i) REQUIRE(hand.writer.Step());
  REQUIRE(marker->ticket->Wait());
  CHECK(hand.store.records().size() == 1);
  const std::vector<Gap> expected{{"", 10, 20, "the kernel's events could not be understood"}};
  CHECK(hand.store.Periods().back().gaps == expected);
}

TEST_CASE("writer: at the end everything is stored and synced") {
  HandWriter hand;
  hand.Publish(EventBytes(FileEvent(FAN_CREATE, "a")));
  hand.spool.Close();
  CHECK(hand.writer.Step());
  CHECK_FALSE(hand.writer.Step());
  CHECK(hand.writer.final_status());
  CHECK(hand.store.durable() == 1);
}

TEST_CASE("spool: markers that nobody waits for do not pile up") {
  HandWriter hand;
  for (int i = 0; i < 1000; ++i) {
    hand.Mark();
    hand.waiters.FailAll(Error{ErrorCode::kLimit, "full", 0});
  }
  int items = 0;
  while (hand.spool.Take(0)) ++items;
  CHECK(items == 1);
}

}  // namespace
}  // namespace cj
