// Who did it, as a store keeps it: for which records a note holds, and when it goes.
#include "fixture.h"
#include "journal/keys.h"
#include "journal/retention.h"

namespace cj {
namespace {

Actor Named(const std::string& comm) { return {true, 1000, comm, "test.service"}; }

// Appends `count` records of this process; a note at the first of them where there is an actor.
void AppendAs(Store& store, std::int32_t pid, std::optional<Actor> actor, std::size_t count = 1) {
  Batch batch = NextBatch(store, count);
  for (Record& record : batch.records) record.pid = pid;
  if (actor) batch.actors.push_back({pid, batch.records.front().sequence, *actor});
  batch.attributed = true;
  REQUIRE(store.Append(batch).has_value());
}

std::string Who(const Store& store, PeriodId period, std::int32_t pid, std::uint64_t sequence) {
  auto span = store.FindActor(period, pid, SequenceNumber(sequence));
  REQUIRE(span.has_value());
  CHECK(span->from.value <= sequence);
  CHECK(sequence < span->until.value);
  if (!span->actor) return "nobody";
  return span->actor->known ? span->actor->comm : "gone";
}

TEST_CASE("actors: a note holds until the next one of its process") {
  ScratchDirectory scratch;
  auto store = OpenStore(scratch / "journal");
  const PeriodId period = store->OpenPeriod().id;
  CHECK_FALSE(*store->HasActors(period));
  const std::uint64_t first = store->next_sequence().value;
  AppendAs(*store, 7, Named("a"), 2);
  AppendAs(*store, 8, Named("b"));
  AppendAs(*store, 7, Actor());
  AppendAs(*store, 7, Named("c"));
  store.reset();
  store = OpenStore(scratch / "journal");
  CHECK(*store->HasActors(period));
  CHECK(Who(*store, period, 7, first) == "a");
  CHECK(Who(*store, period, 7, first + 1) == "a");
  CHECK(Who(*store, period, 8, first + 2) == "b");
  CHECK(Who(*store, period, 7, first + 3) == "gone");
  CHECK(Who(*store, period, 7, first + 4) == "c");
  CHECK(Who(*store, period, 8, first + 1) == "nobody");
  CHECK(Who(*store, period, 9, first + 4) == "nobody");
}

TEST_CASE("actors: what nobody asked for is nobody's, though its number is known") {
  ScratchDirectory scratch;
  auto store = OpenStore(scratch / "journal");
  const PeriodId period = store->OpenPeriod().id;
  const std::uint64_t first = store->next_sequence().value;
  AppendAs(*store, 7, Named("a"));
  // The next daemon has Attribution=no.
  store.reset();
  store = OpenStore(scratch / "journal");
  Batch batch = NextBatch(*store, 1);
  batch.records[0].pid = 7;
  REQUIRE(store->Append(batch).has_value());
  CHECK(Who(*store, period, 7, first) == "a");
  CHECK(Who(*store, period, 7, first + 1) == "nobody");
  // And the one after it looks again.
  AppendAs(*store, 7, Named("c"));
  CHECK(Who(*store, period, 7, first + 1) == "nobody");
  CHECK(Who(*store, period, 7, first + 2) == "c");
}

TEST_CASE("actors: they are of one period, and go with it") {
  ScratchDirectory scratch;
  auto store = OpenStore(scratch / "journal");
  const PeriodId one = store->OpenPeriod().id;
  AppendAs(*store, 7, Named("a"));
  AdvanceStore(*store, 0);
  const PeriodId two = store->OpenPeriod().id;
  AppendAs(*store, 7, std::nullopt);
  const std::uint64_t last = store->next_sequence().value - 1;
  CHECK(Who(*store, two, 7, last) == "nobody");
  AppendAs(*store, 7, Named("b"));
  REQUIRE(store->DropPeriodsBefore(two).has_value());
  CHECK_FALSE(*store->HasActors(one));
  CHECK(*store->HasActors(two));
  CHECK(Who(*store, two, 7, last + 1) == "b");
}

TEST_CASE("actors: damage is told") {
  for (const Actor& actor : {Actor(), Named("sh"), Actor{true, 0, "", ""}}) {
    std::string value;
    EncodeActor(actor, &value);
    auto decoded = DecodeActor(value);
    REQUIRE(decoded.has_value());
    CHECK(*decoded == actor);
    for (std::size_t size = 0; size < value.size(); ++size) {
      CHECK_FALSE(DecodeActor(std::string_view(value).substr(0, size)).has_value());
    }
    CHECK_FALSE(DecodeActor(value + "x").has_value());
  }
  CHECK_FALSE(DecodeActor("\x02").has_value());
  std::string not_text;
  EncodeActor({true, 1, "\xff", ""}, &not_text);
  CHECK_FALSE(DecodeActor(not_text).has_value());
  const std::string key = ActorKey(PeriodId(3), -1, SequenceNumber(9));
  auto place = ParseActorKey(key);
  REQUIRE(place.has_value());
  CHECK(place->period == PeriodId(3));
  CHECK(place->pid == -1);
  CHECK(place->sequence == SequenceNumber(9));
  CHECK_FALSE(ParseActorKey(key + "x").has_value());
  CHECK_FALSE(ParseActorKey("consumer/x").has_value());
}

}  // namespace
}  // namespace cj
