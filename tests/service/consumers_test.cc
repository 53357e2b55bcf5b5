// Consumers on a real journal: two phases, what is delivered and not acknowledged stays told, other
// configurations, and limits.
#include "service/consumers.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "journal_fixture.h"
#include "service/feed.h"

namespace cj {
namespace {

template <typename T>
Error FailureOf(const T& result) {
  REQUIRE_FALSE(result.has_value());
  INFO(result.error().message);
  return result.error();
}

NewConsumer Named(const std::string& name) {
  NewConsumer consumer;
  consumer.name = name;
  return consumer;
}

ReadingPosition Of(const std::string& name) {
  ReadingPosition position;
  position.consumer = name;
  return position;
}

// The changes that wait for the consumer, and the token to acknowledge them with.
struct Waiting {
  Lines lines;
  std::string next;
};
Waiting Ask(TestJournal& journal, const std::string& name) {
  const auto place = journal.service().Resolve(Of(name));
  REQUIRE(place.has_value());
  Question question;
  question.since = place->since.value();
  question.paths = place->paths;
  Waiting waiting;
  waiting.lines = journal.ChangesSince(question);
  waiting.next = journal.service().RescanToken();
  return waiting;
}

Result<Consumers::Acknowledged> Ack(TestJournal& journal, const std::string& name,
                                    const std::string& token) {
  return journal.service().consumers().Acknowledge({name, token, std::nullopt, std::nullopt});
}

TEST_CASE(
    "consumers: reading moves nothing, and what was delivered stays told until acknowledged") {
  const std::string type = GENERATE(from_range(std::begin(kTypes), std::end(kTypes)));
  CAPTURE(type);
  TestJournal journal(type);
  if (!journal.usable()) return;
  REQUIRE(journal.service().AddConsumer(Named("mirror")).has_value());
  WriteFile(journal.path("a"), "x");
  const Waiting first = Ask(journal, "mirror");
  CHECK(Has(first.lines, "created a"));
  // It may have been copied after that answer: what comes back to where it was is told all the
  // same.
  Unlink(journal.path("a"));
  for (int time = 0; time < 2; ++time) {
    const Waiting again = Ask(journal, "mirror");
    CAPTURE(again.lines);
    CHECK(std::any_of(again.lines.begin(), again.lines.end(), [](const std::string& line) {
      return line.find(" a") != std::string::npos && line.find("transient") != std::string::npos;
    }));
  }
  CHECK(Ack(journal, "mirror", first.next).value().moved);
  const Waiting rest = Ask(journal, "mirror");
  CHECK(Has(rest.lines, "deleted a"));
  CHECK(Ack(journal, "mirror", rest.next).value().moved);
  CHECK_FALSE(Ack(journal, "mirror", rest.next).value().moved);
  CHECK_FALSE(Ack(journal, "mirror", first.next).value().moved);
  CHECK(Ask(journal, "mirror").lines.empty());
}

TEST_CASE("consumers: paths of their own, and places to begin") {
  TestJournal journal("tmpfs");
  if (!journal.usable()) return;
  MakeDirectory(journal.path("in"));
  const std::string early = journal.service().Checkpoint("").value().token;
  WriteFile(journal.path("in/before"), "x");
  NewConsumer request = Named("part");
  request.paths = {journal.path("in")};
  request.since = Position{early, std::nullopt};
  CHECK(journal.service().AddConsumer(request).value().token == early);
  WriteFile(journal.path("outside"), "x");
  const Waiting waiting = Ask(journal, "part");
  CHECK(Has(waiting.lines, "created in/before"));
  CHECK_FALSE(Has(waiting.lines, "created outside"));
  CHECK(FailureOf(journal.service().CheckPaths({"/etc"}, nullptr)).message.find("/etc") == 0);
  CHECK(journal.service().CheckPaths({journal.path("in"), journal.root()}, nullptr).has_value());
  request.name = "elsewhere";
  request.paths.clear();
  request.since = Position{"cj1-00000000-1", std::nullopt};
  CHECK(FailureOf(journal.service().AddConsumer(request)).code == ErrorCode::kRescanNeeded);
  CHECK(journal.service().consumers().List().consumers.size() == 1);
}

TEST_CASE("consumers: names, and a second one of the same") {
  TestJournal journal("tmpfs");
  if (!journal.usable()) return;
  JournalService& service = journal.service();
  CHECK(FailureOf(service.AddConsumer(Named("a b"))).code == ErrorCode::kInvalidArgument);
  REQUIRE(service.AddConsumer(Named("a")).has_value());
  const auto periods = service.Periods().size();
  CHECK(FailureOf(service.AddConsumer(Named("a"))).code == ErrorCode::kInvalidArgument);
  CHECK(service.Periods().size() == periods);  // no checkpoint for nothing
  CHECK(FailureOf(service.consumers().Remove("b")).code == ErrorCode::kNotFound);
  CHECK(FailureOf(Ack(journal, "b", journal.token())).code == ErrorCode::kNotFound);
  REQUIRE(service.consumers().Remove("a").has_value());
  CHECK(FailureOf(service.consumers().Resolve(Of("a"))).code == ErrorCode::kNotFound);
}

TEST_CASE("consumers: another configuration has not read anything") {
  TestJournal journal("tmpfs");
  if (!journal.usable()) return;
  NewConsumer request = Named("a");
  request.config_hash = "v1";
  REQUIRE(journal.service().AddConsumer(request).has_value());
  Consumers& consumers = journal.service().consumers();
  ReadingPosition position = Of("a");
  CHECK(consumers.Resolve(position).has_value());  // says nothing of its configuration
  position.config_hash = "v1";
  CHECK(consumers.Resolve(position).has_value());
  position.config_hash = "v2";
  CHECK(FailureOf(consumers.Resolve(position)).code == ErrorCode::kRescanNeeded);
  // Where it stands already, with the new one.
  const std::string here = journal.service().TokenOf(consumers.List().consumers[0].consumer.period);
  REQUIRE(consumers.Acknowledge({"a", here, std::nullopt, "v2"}).has_value());
  CHECK(consumers.Resolve(position).has_value());
  CHECK(FailureOf(consumers.Acknowledge({"a", here, std::nullopt, "v 3"})).code ==
        ErrorCode::kInvalidArgument);
}

// By a position that a feed has told: a period, and a record of it.
Result<Consumers::Acknowledged> AckRecord(TestJournal& journal, const std::string& token,
                                          std::uint64_t sequence) {
  return journal.service().consumers().Acknowledge(
      {"a", token, SequenceNumber(sequence), std::nullopt});
}

TEST_CASE("consumers: acknowledging up to a record") {
  TestJournal journal("tmpfs");
  if (!journal.usable()) return;
  REQUIRE(journal.service().AddConsumer(Named("a")).has_value());
  Consumers& consumers = journal.service().consumers();
  const std::string begin = journal.service().RescanToken();
  const std::uint64_t before = consumers.List().consumers[0].consumer.handled.value;
  for (const char* name : {"x", "y", "z"}) WriteFile(journal.path(name), "x");
  REQUIRE(journal.service().Checkpoint("").has_value());
  const ConsumerList list = consumers.List();
  const std::uint64_t waiting = list.consumers[0].lag.records;
  REQUIRE(waiting >= 3);
  CHECK(list.next.value == before + waiting + 1);
  CHECK(AckRecord(journal, begin, before + 1).value().moved);
  CHECK(consumers.List().consumers[0].lag.records == waiting - 1);
  CHECK_FALSE(AckRecord(journal, begin, before + 1).value().moved);
  // No record of that period has the number: it was of one that is gone, and others may have it
  // now.
  CHECK(FailureOf(AckRecord(journal, begin, list.next.value)).code == ErrorCode::kRescanNeeded);
  const std::string open = journal.service().RescanToken();
  CHECK(FailureOf(AckRecord(journal, open, list.next.value)).code == ErrorCode::kInvalidArgument);
  CHECK(AckRecord(journal, open, before + 1).value().moved);  // all before the period, whatever
  CHECK(consumers.List().consumers[0].lag.records == 0);
}

TEST_CASE("consumers: what was acknowledged and dropped can be acknowledged again") {
  TestJournal journal("tmpfs");
  if (!journal.usable()) return;
  journal.Stop();
  journal.config().keep_acknowledged_usec = 0;
  journal.NewJournal();
  REQUIRE(journal.service().AddConsumer(Named("a")).has_value());
  const std::string first = journal.service().RescanToken();
  WriteFile(journal.path("x"), "x");
  REQUIRE(journal.service().Checkpoint("").has_value());
  const std::string second = journal.service().RescanToken();
  REQUIRE(Ack(journal, "a", second).value().moved);
  constexpr std::int64_t kNever = INT64_MAX;
  CHECK(journal.service().Maintain(kNever).dropped);
  const auto again = Ack(journal, "a", first);
  REQUIRE(again.has_value());
  CHECK_FALSE(again->moved);
  CHECK(AckRecord(journal, first, 0).has_value());
  // Of another journal, it says nothing.
  CHECK(FailureOf(Ack(journal, "a", "cj1-00000000-1")).code == ErrorCode::kRescanNeeded);
}

TEST_CASE("feed: has no more when all is told, wherever it began, and notices what comes") {
  TestJournal journal("tmpfs");
  if (!journal.usable()) return;
  JournalService& service = journal.service();
  FeedRequest request;
  const bool by_token = GENERATE(false, true);
  if (by_token) request.reader.place.token = service.Checkpoint("").value().token;
  auto feed = Feed::Open(service, request);
  REQUIRE(feed.has_value());
  for (int time = 0; time < 3; ++time) {
    while (feed->HasMore(service)) REQUIRE_FALSE(feed->Next(service, FeedStep{10}).value().more);
    CHECK(feed->position().sequence.Next() == service.next_sequence());
    WriteFile(journal.path("f" + std::to_string(time)), "x");
    REQUIRE(service.Flush().has_value());
    CHECK(feed->HasMore(service));
  }
}

TEST_CASE("feed: what a later entry says again is left out, up to the next gap") {
  auto entry = [](std::uint64_t sequence, std::uint32_t operations, const std::string& path) {
    LogEntry made;
    made.record.sequence = SequenceNumber(sequence);
    made.record.operations = operations;
    made.path = path;
    return made;
  };
  LogEntry gap;
  gap.gap = PeriodGap{PeriodId(1), {"", 1, 2, "a cause", {}}};
  const auto kept = WithoutRepeats({entry(1, kModified, "/a"), gap, entry(2, kModified, "/a"),
                                    entry(3, kModified, "/b"), entry(4, kAttributes, "/a"),
                                    entry(5, kModified, "/a")});
  std::vector<std::uint64_t> numbers;
  for (const LogEntry& each : kept) numbers.push_back(each.record.sequence.value);
  CHECK(numbers == std::vector<std::uint64_t>{1, 0, 3, 4, 5});
}

TEST_CASE("feed: a step ends when what it holds is large") {
  TestJournal journal("tmpfs");
  if (!journal.usable()) return;
  JournalService& service = journal.service();
  auto feed = Feed::Open(service, {});
  REQUIRE(feed.has_value());
  const std::string directory = journal.path(std::string(250, 'd'));
  std::filesystem::create_directory(directory);
  for (int i = 0; i < 2000; ++i) WriteFile(directory + "/" + std::to_string(i), "x");
  REQUIRE(service.Flush().has_value());
  FeedStep step;
  step.entries = 5000;
  const auto first = feed->Next(service, step);
  REQUIRE(first.has_value());
  CHECK(first->more);
  std::size_t bytes = 0;
  for (const LogEntry& entry : first->entries) bytes += BytesOf(entry);
  CHECK(bytes > step.bytes / 2);
  CHECK(bytes < step.bytes * 2);
  // Nothing is left out at the border of steps.
  auto last = first->entries.back().record.sequence;
  while (feed->HasMore(service)) {
    const auto next = feed->Next(service, step);
    REQUIRE(next.has_value());
    if (next->entries.empty()) continue;
    CHECK(next->entries.front().record.sequence == last.Next());
    last = next->entries.back().record.sequence;
  }
  CHECK(last.Next() == service.next_sequence());
}

TEST_CASE("feed: repeats cost a step nothing") {
  TestJournal journal("tmpfs");
  if (!journal.usable()) return;
  JournalService& service = journal.service();
  auto feed = Feed::Open(service, {});
  REQUIRE(feed.has_value());
  WriteFile(journal.path("a"), "x");
  for (int i = 0; i < 300; ++i) {
    std::filesystem::rename(journal.path("a"), journal.path("b"));
    std::filesystem::rename(journal.path("b"), journal.path("a"));
    REQUIRE(service.Flush().has_value());
  }
  FeedStep step;
  step.entries = 5000;
  step.bytes = 64 << 10;
  step.without_repeats = GENERATE(false, true);
  const auto all = feed->Next(service, step);
  REQUIRE(all.has_value());
  CHECK(all->more != step.without_repeats);
}

TEST_CASE("feed: what has been told may be dropped while nothing comes") {
  TestJournal journal("tmpfs");
  if (!journal.usable()) return;
  journal.Stop();
  journal.config().max_age_usec = 1;
  journal.NewJournal();
  JournalService& service = journal.service();
  auto feed = Feed::Open(service, {});
  REQUIRE(feed.has_value());
  WriteFile(journal.path("x"), "x");
  REQUIRE(service.Flush().has_value());
  while (feed->HasMore(service)) REQUIRE(feed->Next(service, FeedStep{10}).has_value());
  const PeriodId period = feed->position().period;
  REQUIRE(service.Checkpoint("").has_value());
  constexpr std::int64_t kNever = INT64_MAX;
  REQUIRE(service.Maintain(kNever).oldest > period);
  WriteFile(journal.path("y"), "y");
  REQUIRE(service.Flush().has_value());
  REQUIRE(feed->HasMore(service));
  const auto more = feed->Next(service, FeedStep{100});
  REQUIRE(more.has_value());
  CHECK(more->entries.back().path == journal.path("y"));
  // Who has not been told is.
  FeedRequest late;
  late.resume = {service.TokenOf(period), SequenceNumber(1)};
  CHECK(FailureOf(Feed::Open(service, late)).code == ErrorCode::kRescanNeeded);
}

TEST_CASE("consumers: there is a limit, and one that goes makes room") {
  TestJournal journal("tmpfs");
  if (!journal.usable()) return;
  NewConsumer request;
  request.since = Position{journal.token(), std::nullopt};
  for (std::size_t i = 0; i < kMaxConsumers; ++i) {
    request.name = std::to_string(i);
    REQUIRE(journal.service().AddConsumer(request).has_value());
  }
  request.name = "one-too-many";
  CHECK(FailureOf(journal.service().AddConsumer(request)).code == ErrorCode::kLimit);
  REQUIRE(journal.service().consumers().Remove("7").has_value());
  CHECK(journal.service().AddConsumer(request).has_value());
}

}  // namespace
}  // namespace cj
