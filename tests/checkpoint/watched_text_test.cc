#include "checkpoint/watched_text.h"

#include <catch2/catch.hpp>

#include "tests/checkpoint/harness.h"

namespace cj {
namespace {

using Paths = std::vector<std::string>;

TEST_CASE("watched: what is watched for the first time, or in another way") {
  const std::string a = WatchedPart({"1", "/a"});
  const std::string b = WatchedPart({"1", "/b", "x*.o"});
  CHECK(NewlyWatched("", "").empty());
  CHECK(NewlyWatched("", a + b) == Paths{"/a", "/b"});
  CHECK(NewlyWatched(a + b, a + b).empty());
  CHECK(NewlyWatched(b + a, a + b).empty());
  CHECK(NewlyWatched(a + b, a).empty());
  CHECK(NewlyWatched(a, a + b) == Paths{"/b"});
  CHECK(NewlyWatched(a + b, a + WatchedPart({"1", "/b"})) == Paths{"/b"});
  CHECK(NewlyWatched(a, WatchedPart({"2", "/a"})) == Paths{"/a"});
  // Damaged: less is known.
  CHECK(NewlyWatched("nonsense", a) == Paths{"/a"});
  CHECK(NewlyWatched(a, "nonsense").size() == 1);
}

// The gaps of the period before, as "volume from".
Paths GapsAtStart(TestEngine& test, const std::string& watched) {
  test.options.watched = watched;
  REQUIRE(test.Start());
  Paths gaps;
  const std::vector<PeriodInfo> periods = test.store.Periods();
  if (periods.size() < 2) return gaps;
  for (const Gap& gap : periods[periods.size() - 2].gaps) {
    gaps.push_back(gap.volume + " " + (gap.from_usec == 0 ? "always" : "since"));
  }
  return gaps;
}

TEST_CASE("watched: a tree that is watched anew is unknown since ever, at the next start") {
  TestEngine test;
  const std::string a = WatchedPart({"1", "/a"});
  const std::string b = WatchedPart({"1", "/b"});
  CHECK(GapsAtStart(test, a).empty());  // the journal begins
  test.engine.reset();
  CHECK(GapsAtStart(test, a) == Paths{" since"});
  test.engine.reset();
  CHECK(GapsAtStart(test, a + b) == Paths{" since", "/b always"});
  test.engine.reset();
  CHECK(GapsAtStart(test, a) == Paths{" since"});
  test.engine.reset();
  CHECK(GapsAtStart(test, a + b) == Paths{" since", "/b always"});
}

TEST_CASE("watched: what has come meanwhile is remembered") {
  FakeSource source;  // outlives the engine, whose end looks once more
  TestEngine test;
  test.options.watches = &source;
  const std::string a = WatchedPart({"1", "/a"});
  const std::string b = WatchedPart({"1", "/b"});
  CHECK(GapsAtStart(test, a).empty());
  auto binding = std::make_shared<Binding>();
  binding->volumes = {TestVolume(1)};
  binding->text = a + b;
  source.next = {binding, {{"/b", "it was not there", true}}};
  REQUIRE(test.engine->Flush());
  test.engine.reset();
  // The one that was found then, and no other of /b.
  CHECK(GapsAtStart(test, a + b) == Paths{"/b always", " since"});
}

}  // namespace
}  // namespace cj
