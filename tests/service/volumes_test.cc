// Several volumes in one journal.
#include <catch2/catch.hpp>
#include <thread>

#include "tests/service/journal_fixture.h"

namespace cj {
namespace {

std::string Outcome(JournalService& service, Question question) {
  auto opened = service.OpenAnswer(question);
  return opened.has_value() ? "answered" : opened.error().message;
}

void AwaitCrawl(JournalService& service, const Question& question) {
  while (service.LookForCrawl(question).wait) std::this_thread::yield();
}

TEST_CASE("volumes: the gap of one is none of the others'") {
  auto stays = TestFilesystem::Create("ext4");
  auto goes = TestFilesystem::Create("xfs");
  if (!stays.has_value() || !goes.has_value()) {
    WARN("SKIPPED: two filesystems cannot be made here");
    return;
  }
  TemporaryDirectory state;
  Config config;
  config.state_directory = state.path("state");
  for (const TestFilesystem* each : {&*stays, &*goes}) {
    WatchConfig watch;
    watch.path = each->path();
    config.watches.push_back(watch);
  }
  auto service = JournalService::Start(config, LinuxKernel(), Clock::System());
  REQUIRE(service.has_value());
  Question question;
  question.since.token = (*service)->Checkpoint("")->token;
  REQUIRE(goes->Unmount());
  REQUIRE(goes->Mount());

  question.paths = {stays->path()};
  CHECK(Outcome(**service, question) == "answered");
  question.paths = {goes->path("below")};
  AwaitCrawl(**service, question);
  CHECK(Outcome(**service, question) == "answered");
  question.paths.clear();
  CHECK(Outcome(**service, question) == "answered");
  std::vector<Gap> gaps;
  for (const PeriodInfo& period : (*service)->Periods()) {
    gaps.insert(gaps.end(), period.gaps.begin(), period.gaps.end());
  }
  REQUIRE(gaps.size() == 1);
  CHECK(gaps.front().volume == goes->path());
  CHECK(gaps.front().cause == "it was unmounted, and mounted again");
  CHECK(gaps.front().filled());

  // One that is gone leaves the others alone as well.
  REQUIRE(goes->Unmount());
  auto token = (*service)->Checkpoint("");
  REQUIRE(token.has_value());
  question.since.token = token->token;
  REQUIRE(token->absent.size() == 1);
  CHECK(token->absent.front().wanted == goes->path());
  CHECK(token->absent.front().absent == "it is not mounted");
  question.paths = {stays->path()};
  CHECK(Outcome(**service, question) == "answered");
  question.paths.clear();
  AwaitCrawl(**service, question);
  CHECK(Outcome(**service, question).find("a crawl cannot fill the gap now") != std::string::npos);
}

}  // namespace
}  // namespace cj
