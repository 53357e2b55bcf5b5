#include "checkpoint/writer.h"

#include <sys/fanotify.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <string>
#include <vector>

#include "tests/checkpoint/harness.h"

namespace cj {
namespace {

// A writer whose Step() the test calls.
struct HandWriter {
  HandWriter() : writer(store, scope, clock, spool, waiters, hot, volumes, {}) { writer.Begin(); }

  void Publish(const std::string& bytes) {
    auto buffer = spool.Acquire(10, 0);
    std::memcpy(buffer.data(), bytes.data(), bytes.size());
    spool.Publish(bytes.size(), {10, 20}, 10, 1);
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
  Spool spool{NewSpoolMemory()};
  Waiters waiters;
  std::vector<VolumeMount> volumes{TestVolume(1)};
  FakeKernel kernel;
  HotFiles hot{kernel};
  Writer writer;
};

TEST_CASE("writer: one batch per drain, whatever the number of buffers") {
  HandWriter hand;
  for (int i = 0; i < 3; ++i) hand.Publish(EventBytes(FileEvent(FAN_CREATE, std::to_string(i))));
  for (int i = 0; i < 3; ++i) REQUIRE(hand.writer.Step());
  CHECK(hand.store.calls().empty());
  hand.spool.PushEndOfDrain(15);
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

// Its buffer counts as stored then: who is killed next would lose it.
TEST_CASE("writer: what waits to be explained is stored with its buffer, also within a drain") {
  HandWriter hand;
  EventSpec nameless = FileEvent(FAN_ATTRIB, "");
  nameless.object = "changed";
  nameless.parent.clear();
  std::string bytes = EventBytes(nameless);
  for (std::size_t i = 0; hand.store.CountCalls("append") == 0; ++i) {
    REQUIRE(i < 2 * Writer::kMaxBatchRecords / 500);
    for (int j = 0; j < 500; ++j) {
      bytes += EventBytes(FileEvent(FAN_CREATE, std::to_string(i) + "-" + std::to_string(j)));
    }
    hand.Publish(bytes);
    REQUIRE(hand.writer.Step());
    bytes.clear();
  }
  REQUIRE(hand.store.spool_position().stored > 0);
  const std::vector<Record> records = hand.store.records();
  const bool stored = std::any_of(records.begin(), records.end(), [](const Record& record) {
    return record.object == TestHandle("changed");
  });
  CHECK(stored);
}

TEST_CASE("writer: a drain longer than the spool, of what is known already") {
  HandWriter hand;
  const std::string bytes = EventBytes(FileEvent(FAN_MODIFY, "hot"));
  for (std::size_t i = 0; i < 4 * Spool::kBuffers; ++i) {
    hand.Publish(bytes);  // waits for ever when nothing is given back
    REQUIRE(hand.writer.Step());
  }
  CHECK(hand.store.records().size() == 1);
  CHECK(hand.store.CountCalls("append") == 1);
}

TEST_CASE("writer: a buffer is kept until it is stored, and its number goes along") {
  HandWriter hand;
  const std::string bytes = EventBytes(FileEvent(FAN_CREATE, "a"));
  hand.store.Fail("append", 1);
  for (int i = 0; i < 2; ++i) hand.Publish(bytes);
  hand.spool.PushEndOfDrain(15);
  for (int i = 0; i < 2; ++i) REQUIRE(hand.writer.Step());
  CHECK(hand.store.spool_position() == SpoolPosition());
  hand.writer.Kick();
  REQUIRE(hand.writer.Step());
  CHECK(hand.store.spool_position() == SpoolPosition{hand.spool.id(), 2, 15});
  hand.Publish(bytes);
  auto seal = hand.Mark(true);
  for (int i = 0; i < 2; ++i) REQUIRE(hand.writer.Step());
  // Of the reader's marker it is not said, so that the buffer counts: read at 20, it has events of
  // any time since 10, and more of them may come.
  CHECK(hand.store.spool_position() == SpoolPosition{hand.spool.id(), 3, 10});
  auto drained = hand.Mark(true);
  drained->complete_usec = 30;
  REQUIRE(hand.writer.Step());
  CHECK(hand.store.spool_position() == SpoolPosition{hand.spool.id(), 3, 30});
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
  hand.spool.PushEndOfDrain(15);
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
  hand.spool.PushEndOfDrain(15);
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
