// Consumers in a store: what is kept of them, what retention does to them, and the quiet stretch of
// periods that expires nobody.
#include "fixture.h"
#include "journal/concern.h"
#include "journal/keys.h"
#include "journal/position.h"
#include "journal/retention.h"
#include "journal/token.h"
#include "raw_database.h"

namespace cj {
namespace {

Consumer Add(Store& store, const std::string& name, PeriodId period, std::uint64_t handled) {
  Consumer consumer;
  consumer.name = name;
  consumer.period = period;
  consumer.handled = SequenceNumber(handled);
  auto put = [&](std::optional<Consumer>* place) -> Status {
    *place = consumer;
    return {};
  };
  REQUIRE(store.EditConsumer(name, put, true).has_value());
  return consumer;
}

// One microsecond after the end of the last period that has ended.
std::int64_t JustAfter(const Store& store) {
  const auto periods = store.Periods();
  return periods.at(periods.size() - 2).end_usec + 1;
}

RetentionLimits Age(std::int64_t usec) {
  RetentionLimits limits;
  limits.max_age_usec = usec;
  return limits;
}

RetentionLimits KeepAcknowledged(std::int64_t usec) {
  RetentionLimits limits;
  limits.keep_acknowledged_usec = usec;
  return limits;
}

Position AtToken(const Store& store, std::uint64_t period) {
  return {FormatToken({store.journal_id(), PeriodId(period)}), std::nullopt};
}

TEST_CASE("consumers: are there again after opening, and gone when removed") {
  ScratchDirectory scratch;
  auto store = OpenStore(scratch / "journal");
  AdvanceStore(*store, 10);
  Consumer a = Add(*store, "a", PeriodId(2), 10);
  const Consumer b = Add(*store, "b", PeriodId(1), 3);
  auto edit = [](std::optional<Consumer>* place) -> Status {
    (*place)->paths = {"/srv", "/\xff"};
    (*place)->config_hash = "abc";
    return {};
  };
  REQUIRE(store->EditConsumer("a", edit, false).has_value());
  a.paths = {"/srv", "/\xff"};
  a.config_hash = "abc";
  for (int opening = 0; opening < 2; ++opening) {
    CHECK(store->Consumers() == std::vector<Consumer>{a, b});
    CHECK(store->FindConsumer("a") == a);
    CHECK_FALSE(store->FindConsumer("c").has_value());
    store.reset();
    store = OpenStore(scratch / "journal");
  }
  auto take = [](std::optional<Consumer>* place) -> Status {
    place->reset();
    return {};
  };
  REQUIRE(store->EditConsumer("a", take, true).has_value());
  store.reset();
  CHECK(OpenStore(scratch / "journal")->Consumers() == std::vector<Consumer>{b});
}

TEST_CASE("consumers: an edit that is refused changes nothing") {
  ScratchDirectory scratch;
  auto store = OpenStore(scratch / "journal");
  const Consumer a = Add(*store, "a", PeriodId(1), 0);
  auto refuse = [](std::optional<Consumer>* place) -> Status {
    place->reset();
    return Error{ErrorCode::kBusy, "no"};
  };
  CHECK(FailureOf(store->EditConsumer("a", refuse, true)).code == ErrorCode::kBusy);
  CHECK(store->Consumers() == std::vector<Consumer>{a});
}

TEST_CASE("consumers: one that is ahead of the records, or damaged, has expired") {
  ScratchDirectory scratch;
  Consumer consumer;
  {
    auto store = OpenStore(scratch / "journal");
    AppendRecords(*store, 10);
    consumer = Add(*store, "a", PeriodId(1), 10);
  }
  CHECK(OpenStore(scratch / "journal")->FindConsumer("a")->expired.empty());
  const std::string key = std::string(kConsumerPrefix) + "a";
  for (const bool by_period : {false, true}) {
    Consumer ahead = consumer;
    (by_period ? ahead.period.value : ahead.handled.value) = 11;
    std::string value;
    EncodeConsumer(ahead, &value);
    PutRaw(scratch / "journal", Column::kMeta, key, value);
    CHECK_FALSE(OpenStore(scratch / "journal")->FindConsumer("a")->expired.empty());
  }
  PutRaw(scratch / "journal", Column::kMeta, key, "x");
  CHECK(OpenStore(scratch / "journal")->FindConsumer("a")->expired.find("damaged") !=
        std::string::npos);
}

TEST_CASE("consumers: how far one is behind") {
  ScratchDirectory scratch;
  auto store = OpenStore(scratch / "journal");
  const Consumer consumer = Add(*store, "a", PeriodId(1), 0);
  const std::int64_t now = 1LL << 60;
  CHECK(LagOf(consumer, *store, now, true).records == 0);
  AdvanceStore(*store, 0);
  AdvanceStore(*store, 0);
  CHECK(LagOf(consumer, *store, now, false).age_usec == 0);  // nothing waits, however long ago
  AdvanceStore(*store, 10);
  AdvanceStore(*store, 5);
  AppendRecords(*store, 2);
  const auto periods = store->Periods();
  Consumer reader = consumer;
  CHECK(LagOf(reader, *store, now, false).records == 17);
  CHECK(LagOf(reader, *store, now, false).age_usec == now - periods[2].end_usec);
  CHECK(LagOf(reader, *store, now, true).bytes > 0);
  reader.handled = SequenceNumber(10);
  CHECK(LagOf(reader, *store, now, false).age_usec == now - periods[3].end_usec);
  reader.handled = SequenceNumber(15);
  CHECK(LagOf(reader, *store, now, false).records == 2);
  CHECK(LagOf(reader, *store, now, false).age_usec == 0);  // the open period
}

TEST_CASE("consumers: the slowest one holds what nothing else does") {
  ScratchDirectory scratch;
  auto store = OpenStore(scratch / "journal");
  for (int i = 0; i < 4; ++i) AdvanceStore(*store, 10);
  Add(*store, "fast", PeriodId(4), 30);
  Add(*store, "slow", PeriodId(2), 10);
  const std::int64_t now = 1LL << 60;
  CHECK(ApplyRetention(*store, KeepAcknowledged(0), 0, now).oldest == PeriodId(2));
  auto expire = [](std::optional<Consumer>* place) -> Status {
    (*place)->expired = "long gone";
    return {};
  };
  REQUIRE(store->EditConsumer("slow", expire, true).has_value());
  CHECK(ApplyRetention(*store, KeepAcknowledged(0), 0, now).oldest == PeriodId(4));
  CHECK(ApplyRetention(*store, KeepAcknowledged(0), 0, now).expired.empty());
  REQUIRE(store->EditConsumer("fast", expire, true).has_value());
  // Nobody is left who needs anything.
  CHECK(ApplyRetention(*store, KeepAcknowledged(0), 0, now).oldest == PeriodId(5));
}

TEST_CASE("consumers: one that the limits overtake has expired, and others have not") {
  ScratchDirectory scratch;
  auto store = OpenStore(scratch / "journal");
  for (int i = 0; i < 4; ++i) AdvanceStore(*store, 10);
  Add(*store, "fast", PeriodId(4), 30);
  Add(*store, "by-number", PeriodId(3), 30);  // all records of period 3 as well
  Add(*store, "slow", PeriodId(3), 29);
  const std::int64_t limit = store->Periods()[3].end_usec - store->Periods()[2].end_usec;
  const Retained done = ApplyRetention(*store, Age(limit), 0, JustAfter(*store));
  CHECK(done.oldest == PeriodId(4));
  REQUIRE(done.expired.size() == 1);
  CHECK(done.expired[0].name == "slow");
  for (int opening = 0; opening < 2; ++opening) {
    CHECK(store->FindConsumer("slow")->expired.find("MaxAge=") != std::string::npos);
    CHECK(store->FindConsumer("slow")->expired_usec > 0);
    CHECK(store->FindConsumer("fast")->expired.empty());
    CHECK(store->FindConsumer("by-number")->expired.empty());
    CHECK(store->FindConsumer("by-number")->period == PeriodId(4));
    store.reset();
    store = OpenStore(scratch / "journal");
  }
  // Once is enough.
  CHECK(ApplyRetention(*store, Age(limit), 0, JustAfter(*store)).expired.empty());
}

TEST_CASE("consumers: one that waits for a gap has not had it") {
  ScratchDirectory scratch;
  auto store = OpenStore(scratch / "journal");
  Add(*store, "a", PeriodId(1), 0);
  REQUIRE(store->AddGap({"", 1, 2, "not there", {}}).has_value());
  AdvanceStore(*store, 0);
  AdvanceStore(*store, 0);
  CHECK(ApplyRetention(*store, Age(1), 0, 1LL << 60).expired.size() == 1);
}

TEST_CASE("consumers: their own limits come first") {
  ScratchDirectory scratch;
  auto store = OpenStore(scratch / "journal");
  Consumer limited = Add(*store, "limited", PeriodId(1), 0);
  Add(*store, "patient", PeriodId(1), 0);
  auto limit = [](std::optional<Consumer>* place) -> Status {
    (*place)->max_lag_usec = 1000;
    return {};
  };
  REQUIRE(store->EditConsumer("limited", limit, true).has_value());
  AdvanceStore(*store, 0);
  CHECK(ApplyRetention(*store, {}, 0, 1LL << 60).expired.empty());  // nothing waits
  AdvanceStore(*store, 10);
  AdvanceStore(*store, 0);
  const std::int64_t ended = store->Periods()[1].end_usec;
  CHECK(ApplyRetention(*store, {}, 0, ended + 1000).expired.empty());
  const Retained done = ApplyRetention(*store, {}, 0, ended + 1001);
  REQUIRE(done.expired.size() == 1);
  CHECK(done.expired[0].name == "limited");
  CHECK(done.oldest == PeriodId(1));
  CHECK(store->FindConsumer("patient")->expired.empty());
}

// Ten records of `volume` in a period of their own.
void AdvanceOf(Store& store, VolumeId volume) {
  Batch batch = NextBatch(store, 10);
  for (Record& record : batch.records) record.volume = volume;
  REQUIRE(store.Append(batch).has_value());
  AdvanceStore(store, 0);
}

constexpr VolumeId kQuietVolume{1}, kBusyVolume{2};

VolumesOf Volumes() {
  return [](const Consumer& consumer) -> std::optional<std::vector<VolumeId>> {
    if (consumer.paths.empty()) return std::nullopt;
    return std::vector<VolumeId>{kQuietVolume};
  };
}

void Edit(Store& store, const std::string& name, std::int64_t max_lag_usec) {
  auto edit = [&](std::optional<Consumer>* place) -> Status {
    (*place)->paths = {"/quiet"};
    (*place)->max_lag_usec = max_lag_usec;
    return {};
  };
  REQUIRE(store.EditConsumer(name, edit, true).has_value());
}

TEST_CASE("quiet: what happens on other filesystems expires nobody") {
  ScratchDirectory scratch;
  auto store = OpenStore(scratch / "journal");
  for (const char* name : {"quiet", "lagging", "everything"}) Add(*store, name, PeriodId(1), 0);
  Edit(*store, "quiet", 0);
  Edit(*store, "lagging", 1);
  for (int i = 0; i < 3; ++i) AdvanceOf(*store, kBusyVolume);
  const std::int64_t now = 1LL << 60;
  // Its own limit first, without any dropping.
  CHECK(ApplyRetention(*store, {}, 0, now, Volumes()).expired.empty());
  CHECK(store->FindConsumer("lagging")->period == PeriodId(4));
  CHECK(store->FindConsumer("lagging")->handled == SequenceNumber(30));
  const Retained done = ApplyRetention(*store, Age(1), 0, now, Volumes());
  CHECK(done.oldest == PeriodId(4));
  REQUIRE(done.expired.size() == 1);
  CHECK(done.expired[0].name == "everything");
  CHECK(store->FindConsumer("quiet")->period == PeriodId(4));
  // One record of theirs among the others, and they have something to lose.
  AdvanceOf(*store, kBusyVolume);
  AdvanceStore(*store, 1);
  AdvanceOf(*store, kBusyVolume);
  CHECK(ApplyRetention(*store, Age(1), 0, now, Volumes()).expired.size() == 2);
  CHECK(store->FindConsumer("quiet")->handled == SequenceNumber(40));
}

TEST_CASE("quiet: a gap is everybody's") {
  ScratchDirectory scratch;
  auto store = OpenStore(scratch / "journal");
  Add(*store, "quiet", PeriodId(1), 0);
  Edit(*store, "quiet", 0);
  AdvanceOf(*store, kBusyVolume);
  REQUIRE(store->AddGap({"", 1, 2, "not there", {}}).has_value());
  AdvanceOf(*store, kBusyVolume);
  const Consumer consumer = *store->FindConsumer("quiet");
  const Concern found = FindConcern(*store, consumer, std::vector{kQuietVolume}, PeriodId(3));
  CHECK(found.end == Concern::End::kReached);
  CHECK(found.begin.period == PeriodId(2));
  CHECK(ApplyRetention(*store, Age(1), 0, 1LL << 60, Volumes()).expired.size() == 1);
}

TEST_CASE("quiet: a long look is made in parts, each record once") {
  ScratchDirectory scratch;
  auto store = OpenStore(scratch / "journal");
  Consumer consumer = Add(*store, "quiet", PeriodId(1), 0);
  AdvanceOf(*store, kBusyVolume);
  AdvanceOf(*store, kBusyVolume);
  int looks = 0;
  for (Concern::End end = Concern::End::kTired; end == Concern::End::kTired; ++looks) {
    const Concern found = FindConcern(*store, consumer, std::vector{kQuietVolume}, PeriodId(3), 7);
    end = found.end;
    consumer.period = found.begin.period;
    consumer.handled = found.begin.handled;
    CHECK(consumer.handled.value <= 20);
  }
  CHECK(looks == 3);
  CHECK(consumer.period == PeriodId(3));
  CHECK(consumer.handled == SequenceNumber(20));
}

TEST_CASE("quiet: where there is much to look at less is dropped, and nobody expires") {
  ScratchDirectory scratch;
  auto store = OpenStore(scratch / "journal");
  for (const char* name : {"a", "b", "c"}) {
    Add(*store, name, PeriodId(1), 0);
    Edit(*store, name, name[0] == 'c' ? 1 : 0);
  }
  for (int i = 0; i < 4; ++i) AdvanceOf(*store, kBusyVolume);
  constexpr std::size_t kMost = 15;
  PeriodId oldest;
  int calls = 0;
  for (; oldest < PeriodId(5) && calls < 20; ++calls) {
    const Retained done = ApplyRetention(*store, Age(1), 0, 1LL << 60, Volumes(), kMost);
    REQUIRE(done.status.has_value());
    CHECK(done.expired.empty());
    CHECK(done.oldest >= oldest);
    oldest = done.oldest;
  }
  CHECK(oldest == PeriodId(5));
  CHECK(calls > 3);  // three consumers, forty records for each
}

TEST_CASE("quiet: tokens of periods that were dropped without having had anything stay good") {
  ScratchDirectory scratch;
  auto store = OpenStore(scratch / "journal");
  Add(*store, "early", PeriodId(1), 0);
  AdvanceStore(*store, 5);  // 1
  Add(*store, "a", PeriodId(2), 5);
  for (int i = 0; i < 3; ++i) AdvanceStore(*store, 0);  // 2 to 4
  AppendRecords(*store, 3);                             // 5
  REQUIRE(store->Ends().quiet_since == PeriodId(1));
  const Retained done = ApplyRetention(*store, Age(1), 0, 1LL << 60);
  CHECK(done.oldest == PeriodId(5));
  REQUIRE(done.expired.size() == 1);
  CHECK(done.expired[0].name == "early");
  for (int opening = 0; opening < 2; ++opening) {
    CHECK(store->Ends().quiet_since == PeriodId(2));
    CHECK(store->FindConsumer("a")->expired.empty());
    CHECK(store->FindConsumer("a")->period == PeriodId(5));
    CHECK(FindPosition(AtToken(*store, 2), End::kSince, *store).value() == PeriodId(5));
    CHECK(FailureOf(FindPosition(AtToken(*store, 1), End::kSince, *store)).code ==
          ErrorCode::kRescanNeeded);
    ScanRange range = Everything();
    range.from = PeriodId(3);
    CHECK(ScanAll(*store, range).size() == 3);
    range.from = PeriodId(1);
    CHECK(FailureOf(store->Scan(range)).code == ErrorCode::kRescanNeeded);
    store.reset();
    store = OpenStore(scratch / "journal");
  }
  // One more quiet period makes the stretch longer, one with records ends it.
  AdvanceStore(*store, 0);  // 5, with three records
  AdvanceStore(*store, 0);  // 6
  REQUIRE(store->DropPeriodsBefore(PeriodId(7)).has_value());
  CHECK(store->Ends().quiet_since == PeriodId(6));
  AdvanceStore(*store, 1);
  REQUIRE(store->DropPeriodsBefore(PeriodId(8)).has_value());
  for (int opening = 0; opening < 2; ++opening) {
    CHECK(store->Ends().quiet_since == PeriodId(8));
    store.reset();
    store = OpenStore(scratch / "journal");
  }
}

}  // namespace
}  // namespace cj
