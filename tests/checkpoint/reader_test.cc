#include "checkpoint/reader.h"

#include <sys/fanotify.h>
#include <unistd.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <string>
#include <thread>

#include "tests/checkpoint/harness.h"

namespace cj {
namespace {

// A reader whose Step() the test calls, and a spool that the test takes from.
struct HandReader {
  explicit HandReader(const FakeKernel::Options& options = {})
      : kernel(options), reader(clock, spool, closer, hot, ReaderOptionsOf(*this)) {
    reader.Open({NewGroup(), clock.RealtimeUsec()});
  }
  static ReaderOptions ReaderOptionsOf(HandReader& hand) {
    ReaderOptions options;
    options.drain_interval_usec = 1;
    options.memory_interval_usec = 1'000;
    options.memory_is_short = [&hand] { return hand.memory_is_short.load(); };
    return options;
  }
  std::unique_ptr<EventGroup> NewGroup() {
    auto group = kernel.CreateGroup(true);
    REQUIRE(group);
    REQUIRE((*group)->Mark(TestVolume(1)));
    return std::move(*group);
  }
  std::shared_ptr<Marker> NewMarker() {
    auto marker = std::make_shared<Marker>();
    marker->ticket = waiters.NewTicket();
    return marker;
  }
  // The kinds of the items in the spool: e(vents), l(oss), d(rain's end), m(arker).
  std::string TakeAll() {
    std::string kinds;
    while (auto item = spool.Take(0)) {
      kinds.push_back("eldm"[static_cast<int>(item->kind)]);
      spool.Release(false);
    }
    return kinds;
  }

  std::atomic<bool> memory_is_short = false;
  FakeKernel kernel;
  TickingClock clock;
  SpoolMemory memory = NewSpoolMemory();
  const UniqueFd memory_fd{::dup(memory.fd())};
  Spool spool{std::move(memory)};
  Waiters waiters;
  Closer closer;
  HotFiles hot{kernel};
  Reader reader;
};

TEST_CASE("reader: a drain takes what is there, then its end, then the marker") {
  FakeKernel::Options options;
  options.events_per_read = 2;
  HandReader hand(options);
  for (int i = 0; i < 5; ++i) hand.kernel.Report(FileEvent(FAN_CREATE, std::to_string(i)));
  hand.reader.DrainAndMark(hand.NewMarker());
  REQUIRE(hand.reader.Step());
  CHECK(hand.TakeAll() == "eeedm");
  CHECK(hand.reader.events_read() == 5);
  hand.reader.DrainAndMark(hand.NewMarker());
  REQUIRE(hand.reader.Step());
  CHECK(hand.TakeAll() == "m");
  CHECK(hand.reader.drains() == 2);
}

TEST_CASE("reader: it says up to when everything has been read") {
  FakeKernel::Options options;
  options.events_per_read = 1;
  HandReader hand(options);
  const std::int64_t made_usec = hand.clock.RealtimeUsec();
  for (int i = 0; i < 3; ++i) hand.kernel.Report(FileEvent(FAN_CREATE, std::to_string(i)));
  hand.clock.Advance(60'000'000);  // they have been waiting
  hand.reader.DrainAndMark(hand.NewMarker());
  REQUIRE(hand.reader.Step());
  for (int i = 0; i < 3; ++i) CHECK(hand.spool.Take(0)->complete_usec < made_usec);
  CHECK(hand.spool.Take(0)->complete_usec > made_usec + 60'000'000);
  CHECK(hand.spool.Take(0)->marker->complete_usec > made_usec + 60'000'000);
  // What came in while it read may be waiting: nothing later than what it has counted is complete.
  int reads = 0;
  std::vector<std::int64_t> reported_usec;
  hand.kernel.SetHook([&](const std::string& call) {
    for (int i = 0; call == "read" && i < 2; ++i) {
      hand.clock.Advance(1'000'000);
      reported_usec.push_back(hand.clock.RealtimeUsec());
      hand.kernel.Report(FileEvent(FAN_CREATE, "more" + std::to_string(++reads)));
    }
  });
  const std::int64_t behind_usec = hand.clock.RealtimeUsec();
  hand.reader.DrainAndMark(hand.NewMarker());
  REQUIRE(hand.reader.Step());
  hand.kernel.SetHook(nullptr);
  std::size_t taken = 0;
  std::int64_t complete_usec = 0;
  while (auto item = hand.spool.Take(0)) {
    if (item->kind == SpoolItem::Kind::kEvents) ++taken;
    if (item->kind == SpoolItem::Kind::kEvents) CHECK(item->complete_usec < behind_usec);
    if (item->kind == SpoolItem::Kind::kEndOfDrain) complete_usec = item->complete_usec;
    if (item->marker != nullptr) CHECK(item->marker->complete_usec == complete_usec);
  }
  REQUIRE(taken < reported_usec.size());
  CHECK(complete_usec > behind_usec);
  CHECK(complete_usec <= reported_usec[taken]);
}

TEST_CASE("reader: while the marks are with a group that nobody reads, nothing more is complete") {
  HandReader hand;
  const std::int64_t next_usec = hand.clock.RealtimeUsec();
  auto next = hand.NewGroup();
  hand.reader.AwaitNext(next_usec);
  hand.clock.Advance(60'000'000);  // a store that hangs
  hand.kernel.Report(FileEvent(FAN_CREATE, "f"));
  hand.reader.DrainAndMark(hand.NewMarker());
  REQUIRE(hand.reader.Step());
  hand.kernel.Report(FileEvent(FAN_CREATE, "late"));  // who was on the way when the mark went
  hand.reader.DrainAndMark(hand.NewMarker());
  hand.reader.Switch({std::move(next), next_usec}, hand.NewMarker());
  for (int i = 0; i < 2; ++i) REQUIRE(hand.reader.Step());
  while (auto item = hand.spool.Take(0)) {
    CHECK(item->complete_usec <= next_usec);
    if (item->marker != nullptr) CHECK(item->marker->complete_usec == next_usec);
  }
  hand.reader.DrainAndMark(hand.NewMarker());
  REQUIRE(hand.reader.Step());
  while (auto item = hand.spool.Take(0)) {
    if (item->marker != nullptr) CHECK(item->marker->complete_usec > next_usec + 60'000'000);
  }
}

TEST_CASE("reader: a switch does not read the old group again, an extension does") {
  HandReader hand;
  hand.kernel.Report(FileEvent(FAN_CREATE, "old"));
  auto group = hand.NewGroup();
  hand.kernel.Report(FileEvent(FAN_CREATE, "both"));
  hand.reader.Extend({std::move(group), 0});
  REQUIRE(hand.reader.Step());
  CHECK(hand.TakeAll().empty());
  hand.reader.DrainAndMark(hand.NewMarker());
  REQUIRE(hand.reader.Step());
  CHECK(hand.TakeAll() == "eedm");
  CHECK(hand.reader.events_read() == 3);
  hand.kernel.Report(FileEvent(FAN_CREATE, "never read"));
  hand.reader.Switch({hand.NewGroup(), 0}, hand.NewMarker());
  REQUIRE(hand.reader.Step());
  hand.reader.DrainAndMark(hand.NewMarker());
  REQUIRE(hand.reader.Step());
  CHECK(hand.TakeAll() == "mm");
  CHECK(hand.reader.events_read() == 3);
}

TEST_CASE("reader: writers that never pause cannot keep a drain from ending") {
  FakeKernel::Options options;
  options.events_per_read = 1;
  HandReader hand(options);
  int reported = 0;
  hand.kernel.SetHook([&](const std::string& call) {
    if (call == "read") hand.kernel.Report(FileEvent(FAN_CREATE, std::to_string(++reported)));
  });
  hand.kernel.Report(FileEvent(FAN_CREATE, "first"));
  auto ticket = hand.waiters.NewTicket();
  hand.reader.Drain(ticket);
  REQUIRE(hand.reader.Step());
  hand.kernel.SetHook(nullptr);
  CHECK(ticket->done());
  CHECK(hand.reader.events_read() >= Reader::kReadsBeforeCounting);
  CHECK(hand.reader.events_read() < Spool::kBuffers);
}

TEST_CASE("reader: a full spool stops it, room or the end lets it go on") {
  FakeKernel::Options options;
  options.events_per_read = 1;
  const std::size_t events = 2 * Spool::kBuffers;
  for (const bool close : {false, true}) {
    HandReader hand(options);
    for (std::size_t i = 0; i < events; ++i) {
      hand.kernel.Report(FileEvent(FAN_CREATE, std::to_string(i)));
    }
    auto ticket = hand.waiters.NewTicket();
    hand.reader.Drain(ticket);
    std::thread thread([&] { CHECK(hand.reader.Step()); });
    for (std::size_t i = 0; i < Spool::kBuffers; ++i) {
      auto item = hand.spool.Take(-1);
      REQUIRE(item);
      // Not released: when this many are taken the reader has no buffer left.
      if (i + 1 == Spool::kBuffers) {
        CHECK_FALSE(ticket->done());
        CHECK(hand.reader.events_read() == Spool::kBuffers);
        CHECK(hand.spool.use().bytes >= item->bytes.size() * Spool::kBuffers);
        CHECK(hand.spool.use().oldest_usec != 0);
        if (close) {
          hand.spool.Close();
          break;
        }
        hand.spool.Release(false);
      }
    }
    thread.join();
    CHECK(ticket->done());
    CHECK(hand.reader.events_read() == (close ? Spool::kBuffers : events));
    while (hand.spool.Take(0)) {
    }
    hand.spool.Release(false);
    CHECK(hand.spool.use().bytes == 0);
    CHECK(hand.spool.use().oldest_usec == 0);
  }
}

TEST_CASE("reader: when memory runs out while nothing is stored, what waits is a gap") {
  FakeKernel::Options options;
  options.events_per_read = 1;
  HandReader hand(options);
  const auto inheritable = [&] {
    auto next = SpoolMemory::Adopt(UniqueFd(::dup(hand.memory_fd.get())), kTestJournal);
    REQUIRE(next.has_value());
    return !next->watched().empty();
  };
  for (std::size_t i = 0; i < 2 * Spool::kBuffers; ++i) {
    hand.kernel.Report(FileEvent(FAN_CREATE, std::to_string(i)));
  }
  auto ticket = hand.waiters.NewTicket();
  hand.reader.Drain(ticket);
  std::thread thread([&] { CHECK(hand.reader.Step()); });
  std::vector<SpoolItem> kept;
  while (kept.size() < Spool::kBuffers) kept.push_back(*hand.spool.Take(-1));
  CHECK(inheritable());
  CHECK_FALSE(ticket->done());
  hand.memory_is_short = true;
  while (hand.kernel.queued() > 0) std::this_thread::yield();
  // Who is killed now must not be inherited from: only this process knows what was lost.
  CHECK_FALSE(inheritable());
  hand.kernel.Report(FileEvent(FAN_CREATE, "lost, too"));
  while (hand.kernel.queued() > 0) std::this_thread::yield();
  hand.memory_is_short = false;
  hand.spool.Release(false);
  thread.join();
  CHECK(ticket->done());
  CHECK(inheritable());
  const auto loss = hand.spool.Take(-1);
  CHECK(loss->kind == SpoolItem::Kind::kLoss);
  CHECK(loss->times.since_usec < loss->times.read_usec);
  hand.spool.Release(false);
  hand.kernel.Report(FileEvent(FAN_CREATE, "seen"));
  hand.reader.Drain(hand.waiters.NewTicket());
  CHECK(hand.reader.Step());
  CHECK(hand.TakeAll() == "ded");
}

TEST_CASE("reader: an order that nobody waits for any more goes, a group never does") {
  HandReader hand;
  for (int i = 0; i < 3; ++i) hand.reader.DrainAndMark(hand.NewMarker());  // tickets: gone at once
  auto waited = hand.NewMarker();
  hand.waiters.FailAll(Error{ErrorCode::kLimit, "full", 0});
  hand.reader.Switch({hand.NewGroup(), 0}, waited);
  hand.waiters.FailAll(Error{ErrorCode::kLimit, "full", 0});
  hand.reader.DrainAndMark(hand.NewMarker());
  REQUIRE(hand.reader.Step());  // the switch
  REQUIRE(hand.reader.Step());  // the drain
  hand.kernel.Report(FileEvent(FAN_CREATE, "f"));
  hand.reader.DrainAndMark(hand.NewMarker());
  REQUIRE(hand.reader.Step());
  CHECK(hand.reader.events_read() == 1);
  hand.reader.Stop();
  CHECK_FALSE(hand.reader.Step());
}

}  // namespace
}  // namespace cj
