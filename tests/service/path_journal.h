// A journal of one path, wherever that leads: for tests about mounts.
#pragma once

#include <catch2/catch.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "journal/token.h"
#include "service/journal_service.h"
#include "tests/service/journal_fixture.h"

namespace cj {

class PathJournal {
 public:
  explicit PathJournal(const std::string& path) {
    config_.state_directory = state_.path("state");
    WatchConfig watch;
    watch.path = path;
    config_.watches.push_back(watch);
    Restart([] {});
    Mark();
  }

  void Restart(const std::function<void()>& meanwhile) {
    service_.reset();
    meanwhile();
    auto started = JournalService::Start(config_, LinuxKernel(), Clock::System());
    if (!started.has_value()) FAIL(started.error().message);
    service_ = *std::move(started);
  }

  void Mark() {
    auto token = service_->Checkpoint("");
    if (!token.has_value()) FAIL(token.error().message);
    token_ = token->token;
  }
  Result<OpenedAnswer> Open() {
    Question question;
    question.since.token = token_;
    return service_->OpenAnswer(question);
  }
  // The paths that have changed since Mark(), or the refusal.
  std::string Changes() {
    auto opened = Open();
    if (!opened.has_value()) return opened.error().message;
    std::string text;
    std::vector<Change> changes;
    for (bool more = true; more;) {
      auto next = opened->answer->Next(100, &changes);
      if (!next.has_value()) return next.error().message;
      more = *next;
    }
    for (const Change& change : changes) text += change.path + " ";
    return text;
  }
  // That changes may be missing, for this reason; from then on it knows again. The crawl may have
  // been quicker than the question.
  void CheckGap(const std::string& cause) {
    const std::string said = Changes();
    INFO(said);
    const bool refused = said.find("changes are not known completely") != std::string::npos;
    const bool known = said.find(cause) != std::string::npos || IsGap(cause, refused);
    CHECK(known);
    token_ = service_->RescanToken();
  }
  bool HasGap(const std::string& cause) const {
    for (const PeriodInfo& period : service_->Periods()) {
      for (const Gap& gap : period.gaps) {
        if (gap.cause.find(cause) != std::string::npos) return true;
      }
    }
    return false;
  }
  Watch watch() { return service_->GetStatus().watches.at(0); }
  // Events that have been recorded, or found to be of no interest.
  std::uint64_t judged() {
    const EngineCounters counters = service_->GetStatus().counters;
    return counters.records_stored + counters.out_of_scope;
  }
  std::uint64_t out_of_scope() { return service_->GetStatus().counters.out_of_scope; }
  std::size_t periods() { return service_->Periods().size(); }

 private:
  // Of a period since Mark(); filled, or also one that is not.
  bool IsGap(const std::string& cause, bool open) const {
    auto token = ParseToken(token_);
    REQUIRE(token);
    for (const PeriodInfo& period : service_->Periods()) {
      if (period.id < token->period) continue;
      for (const Gap& gap : period.gaps) {
        if ((open || gap.filled()) && gap.cause.find(cause) != std::string::npos) return true;
      }
    }
    return false;
  }

  TemporaryDirectory state_;
  Config config_;
  std::unique_ptr<JournalService> service_;
  std::string token_;
};

inline void Run(const std::vector<std::string>& arguments) {
  Status ran = RunProgram(arguments);
  if (!ran.has_value()) FAIL(ran.error().message);
}

// Nothing: the machine cannot; said with WARN.
inline std::optional<TestFilesystem> Make(const std::string& type) {
  auto made = TestFilesystem::Create(type);
  if (made.has_value()) return *std::move(made);
  WARN("SKIPPED: " << made.error().message);
  return std::nullopt;
}

}  // namespace cj
