// Questions since a time before the journal began: what a crawl of their own finds, and how that is
// explained.
#include <catch2/catch.hpp>
#include <thread>
#include <utility>

#include "service/explain.h"
#include "tests/service/crawl_tree.h"

namespace cj {
namespace {

// The time: what is changed from now on is newer, and no journal hears of it.
std::int64_t StopListening(TestJournal& journal) {
  journal.Stop();
  TestJournal::Age();
  const std::int64_t now_usec = Clock::System().RealtimeUsec();
  TestJournal::Age();
  return now_usec;
}

}  // namespace

TEST_CASE("crawl: what has changed since before the journal began") {
  const std::string type = GENERATE(as<std::string>(), "ext4", "tmpfs");
  auto journal = JournalOfTree(type);
  if (!journal->usable()) return;
  const std::int64_t moment_usec = StopListening(*journal);
  AppendFile(journal->path("tree/a/d/e/f"), "x");
  journal->NewJournal();
  AppendFile(journal->path("tree/a/d/e/g"), "x");
  Question question;
  question.since.time_usec = moment_usec;
  CHECK_FALSE(journal->service().OpenAnswer(question).has_value());  // nobody has waited
  while (journal->service().LookForCrawl(question).wait) std::this_thread::yield();
  CHECK(journal->ChangesSince(question) ==
        Lines{"modified tree/a/d/e/f data metadata", "modified tree/a/d/e/g data metadata"});
  // An interval that ends before the crawl did lacks what it found.
  Question ended = question;
  ended.until.emplace();
  ended.until->token = journal->service().TokenOf(journal->service().Periods().front().id);
  auto half = journal->service().OpenAnswer(ended);
  REQUIRE_FALSE(half.has_value());
  CHECK(half.error().code == ErrorCode::kRescanNeeded);
  // Asked again, it need not be crawled again; others are not told.
  CHECK_FALSE(journal->service().LookForCrawl(question).wait);
  journal->GoOnFromOldest();
  CHECK(journal->Changes() == Lines{"modified tree/a/d/e/g data"});
  Question list;
  list.list = true;
  CHECK(journal->Changes(list) == Lines{"modified tree/a/d/e/g"});
  question.since.time_usec = 0;
  while (journal->service().LookForCrawl(question).wait) std::this_thread::yield();
  CHECK(journal->ChangesSince(question) == Lines{"rescan tree recursive"});
  CHECK(journal->Changes(list) == Lines{"modified tree/a/d/e/g"});
}

TEST_CASE("crawl: what it found for a time before the journal began is explained") {
  auto journal = JournalOfTree("ext4");
  if (!journal->usable()) return;
  const std::int64_t moment_usec = StopListening(*journal);
  AppendFile(journal->path("tree/a/d/e/f"), "x");
  journal->NewJournal();
  Chmod(journal->path("tree/a/d/e/f"), 0600);
  ExplainQuestion asked;
  asked.path = journal->path("tree/a/d/e/f");
  asked.since.time_usec = moment_usec;
  auto explain = [&] {
    auto explanation = Explain(journal->service(), asked);
    REQUIRE(explanation.has_value());
    return *std::move(explanation);
  };
  const Explanation refused = explain();  // and what is recorded is told
  CHECK(refused.refused.find("a crawl can find") != std::string::npos);
  CHECK(refused.records.size() == 1);
  CHECK(refused.since == journal->service().OldestPeriod().id);
  // The crawl of a question about what is above it found it.
  Question question;
  question.since.time_usec = moment_usec;
  question.paths = {journal->path("tree/b"), journal->path("tree/a")};
  while (journal->service().LookForCrawl(question).wait) std::this_thread::yield();
  const Explanation found = explain();
  CHECK(found.refused.empty());
  REQUIRE(found.changes.size() == 1);
  CHECK(found.changes[0].path == asked.path);
  // All that are kept, whether the answer needs them or not.
  REQUIRE(found.records.size() >= 2);
  CHECK((found.records.front().entry.record.operations & kCrawled) == 0);
  CHECK((found.records.back().entry.record.operations & kCrawled) != 0);
  // Of others it says nothing; neither does it of a time before.
  asked.path = journal->path("tree/c");
  CHECK_FALSE(explain().refused.empty());
  asked.path = journal->path("tree/a");
  --*asked.since.time_usec;
  CHECK_FALSE(explain().refused.empty());
  question.paths.push_back(journal->path("tree/c"));
  CHECK_FALSE(journal->service().OpenAnswer(question).has_value());
  // A question that ends has no crawl made for it, and is told so.
  question.until.emplace().token = journal->service().TokenOf(PeriodId(1));
  CHECK_FALSE(journal->service().LookForCrawl(question).wait);
  auto ended = journal->service().OpenAnswer(question);
  REQUIRE_FALSE(ended.has_value());
  CHECK(ended.error().message.find("ask without `until`") != std::string::npos);
  // Those that are not watched are told so whatever the time is.
  asked.path = journal->path("outside");
  CHECK(explain().why_not.find("no watch covers it") != std::string::npos);
}

TEST_CASE("crawl: of a file, and of what is not there any more, since before the journal") {
  auto journal = JournalOfTree("ext4");
  if (!journal->usable()) return;
  Question question;
  question.since.time_usec = StopListening(*journal);
  AppendFile(journal->path("tree/a/d/e/f"), "x");
  Unlink(journal->path("tree/b/d/e/f"));
  journal->NewJournal();
  const std::pair<const char*, Lines> rows[] = {
      {"tree/a/d/e/f", {"modified tree/a/d/e/f data metadata"}},
      {"tree/a/d/e/g", {}},
      {"tree/b/d/e/f", {"rescan tree/b/d/e recursive"}},
      {"tree/c/never/was", {}},
  };
  for (const auto& [path, told] : rows) {
    CAPTURE(path);
    question.paths = {journal->path(path)};
    while (journal->service().LookForCrawl(question).wait) std::this_thread::yield();
    CHECK(journal->ChangesSince(question) == told);
  }
}

TEST_CASE("crawl: one that fails is tried once for a question, and its reason is told") {
  auto journal = JournalOfTree("ext4");
  if (!journal->usable()) return;
  Question question;
  question.since.time_usec = StopListening(*journal);
  question.paths = {journal->path("tree/a/d")};
  AppendFile(journal->path("tree/a/d/e/f"), "x");
  journal->NewJournal();
  REQUIRE(RunProgram({"mount", "-t", "tmpfs", "over", journal->path("tree/a")}));
  JournalService& service = journal->service();
  const std::uint64_t crawls = service.crawl().crawls;
  bool afresh = true;
  while (service.LookForCrawl(question, std::exchange(afresh, false)).wait) {
    std::this_thread::yield();
  }
  for (int i = 0; i < 3; ++i) {
    const auto look = service.LookForCrawl(question);
    CHECK_FALSE(look.wait);
    CHECK_FALSE(look.obstacle.empty());
  }
  auto refused = service.OpenAnswer(question);
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().message.find("has failed: crawling " + question.paths[0]) !=
        std::string::npos);
  // Of another question, about more, it is no failure, and what that finds serves both.
  REQUIRE(RunProgram({"umount", journal->path("tree/a")}));
  Question more = question;
  more.paths = {journal->path("tree")};
  while (service.LookForCrawl(more).wait) std::this_thread::yield();
  CHECK(service.crawl().crawls == crawls + 1);
  CHECK_FALSE(service.LookForCrawl(question, /*afresh=*/true).wait);
  CHECK(journal->ChangesSince(question) == Lines{"modified tree/a/d/e/f data metadata"});
}

TEST_CASE("crawl: a path that was moved with what is above it is new where it is") {
  const std::string type = GENERATE(as<std::string>(), "ext4", "tmpfs");
  auto journal = JournalOfTree(type);
  if (!journal->usable()) return;
  const std::int64_t moment_usec = StopListening(*journal);
  Rename(journal->path("tree/a"), journal->path("tree/moved"));
  journal->NewJournal();
  Question question;
  question.since.time_usec = moment_usec;
  question.paths = {journal->path("tree/moved/d/e")};
  while (journal->service().LookForCrawl(question).wait) std::this_thread::yield();
  CHECK(journal->ChangesSince(question) == Lines{"rescan tree/moved/d/e recursive"});
}

}  // namespace cj
