#include "checkpoint/reader.h"

#include <sys/fanotify.h>

#include <catch2/catch.hpp>
#include <string>
#include <thread>

#include "tests/checkpoint/harness.h"

namespace cj {
namespace {

// A reader whose Step() the test calls, and a spool that the test takes from.
struct HandReader {
  explicit HandReader(const FakeKernel::Options& options = {})
      : kernel(options), reader(clock, spool, closer, 1) {
    reader.Open({NewGroup(), clock.RealtimeUsec()});
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
      if (item->kind == SpoolItem::Kind::kEvents) spool.Release(*item);
    }
    return kinds;
  }

  FakeKernel kernel;
  TickingClock clock;
  Spool spool;
  Waiters waiters;
  Closer closer;
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
        if (close) {
          hand.spool.Close();
          break;
        }
        for (std::size_t buffer = 0; buffer < Spool::kBuffers; ++buffer) {
          SpoolItem taken;
          taken.buffer = buffer;
          hand.spool.Release(taken);
        }
      }
    }
    thread.join();
    CHECK(ticket->done());
    CHECK(hand.reader.events_read() == (close ? Spool::kBuffers : events));
  }
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
