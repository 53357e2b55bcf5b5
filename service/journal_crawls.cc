// The part of JournalService that is about crawls.
#include <algorithm>
#include <utility>

#include "journal/gaps.h"
#include "journal/position.h"
#include "service/journal_service.h"

namespace cj {

void JournalService::StartCrawler() {
  Crawler::Environment environment;
  environment.store = store_.get();
  environment.clock = &clock_;
  environment.record = [this](CrawlBatch batch) { return engine_->StoreCrawled(std::move(batch)); };
  environment.watches = [this] { return binder_->binding()->watches; };
  CrawlOptions options;
  options.margin_usec = config_.crawl_margin_usec;
  options.limits.entries_per_second = config_.crawl_rate;
  crawler_ = std::make_unique<Crawler>(std::move(environment), options);
  crawler_->Start();
}

Status JournalService::CheckMounts() {
  Status flushed = engine_->Flush();
  link_memory_.ForgetAll();  // what was mounted over hid names from a search
  crawler_->PlacesChanged();
  return flushed;
}

std::optional<PeriodGap> JournalService::OpenGapSince(PeriodId from,
                                                      const Question& question) const {
  const PeriodId until = store_->OpenPeriod().id.Next();
  return FindOpenGap(store_->PeriodsWithGaps(from, until), from, until,
                     WatchesOf(question.viewer.get()), question.paths);
}

JournalService::CrawlLook JournalService::LookForCrawl(const Question& question, bool afresh) {
  // What is crawled now is told in the open period, which an interval that ends earlier lacks.
  if (question.until.has_value()) return {};
  const bool all_told = question.viewer == nullptr;
  if (const auto history = all_told ? LookForHistory(question, afresh) : std::nullopt) {
    return *history;
  }
  AnswerRequest ignored;
  const auto from = FindStart(question, &ignored);
  if (!from.has_value()) return {};
  const auto open = OpenGapSince(*from, question);
  if (!open.has_value()) return {};
  crawler_->Wake();
  const std::string obstacle = crawler_->Obstacle(*open);
  return {obstacle.empty(), obstacle, crawler_->status()};
}

bool JournalService::IsKept(const Crawler::Outcome& outcome) const {
  return outcome.status.has_value() && outcome.first >= store_->OldestPeriod().id;
}

// A question that reaches back to before the oldest checkpoint needs a crawl of its own. nullopt:
// it does not, or that crawl is complete.
std::optional<JournalService::CrawlLook> JournalService::LookForHistory(const Question& question,
                                                                        bool afresh) {
  const auto since_usec = question.since.time_usec;
  if (!since_usec.has_value() || *since_usec >= store_->OldestPeriod().start_usec) {
    return std::nullopt;
  }
  const HistoryCrawls::Key key{*since_usec, question.paths};
  if (CompleteHistory(key).has_value()) return std::nullopt;
  if (const auto known = history_.Find(key)) {
    const auto outcome = crawler_->OutcomeOf(*known);
    if (!outcome.has_value()) return CrawlLook{true, "", crawler_->status()};
    const bool failed = !outcome->status.has_value();
    if (failed && !afresh) {
      return CrawlLook{false, outcome->status.error().message, crawler_->status()};
    }
    history_.Forget(key);
  }
  const std::int64_t reach_usec = std::max(*since_usec, kCrawlEverything / 2);
  auto number =
      crawler_->Request({question.paths, reach_usec - config_.crawl_margin_usec, /*to_all=*/false});
  if (!number.has_value()) return CrawlLook{false, number.error().message, crawler_->status()};
  history_.Remember(key, *number);
  return CrawlLook{true, "", crawler_->status()};
}

// What a crawl has found for such a question, or for one about more.
std::optional<Crawler::Outcome> JournalService::CompleteHistory(const HistoryCrawls::Key& key) {
  for (const std::uint64_t number : history_.FindCovering(key)) {
    auto outcome = crawler_->OutcomeOf(number);
    if (outcome.has_value() && IsKept(*outcome)) return outcome;
  }
  return std::nullopt;
}

// What to do where no crawl has told what was before the oldest checkpoint.
Error JournalService::WithoutHistory(const Question& question, Error error) {
  const auto known = history_.Find({*question.since.time_usec, question.paths});
  const auto outcome = known ? crawler_->OutcomeOf(*known) : std::nullopt;
  if (question.until.has_value()) {
    error.message += "; ask without `until`: a crawl can find what has changed since, up to now";
  } else if (outcome.has_value() && !outcome->status.has_value()) {
    error.message += "; the crawl that was to find what has changed since has failed: " +
                     outcome->status.error().message;
  } else {
    error.message += "; a crawl can find what has changed since, for `changes` that may wait";
  }
  return error;
}

// Where the records begin that the question needs.
Result<PeriodId> JournalService::FindStart(const Question& question, AnswerRequest* request) {
  auto found = FindPosition(question.since, End::kSince, *store_);
  const bool reaches_back = !found.has_value() && question.since.time_usec.has_value();
  // Crawls are not for everybody to ask for.
  if (!reaches_back || question.viewer != nullptr) return found;
  auto plan = PlanForPaths({}, binder_->binding()->watches, question.paths, 0);
  if (!plan.has_value()) return std::move(plan).error();  // the paths are at fault
  const auto outcome = CompleteHistory({*question.since.time_usec, question.paths});
  if (!outcome.has_value()) return WithoutHistory(question, std::move(found).error());
  if (question.until.has_value()) {
    auto until = FindPosition(*question.until, End::kUntil, *store_);
    if (!until.has_value()) return until;
    if (!(outcome->last < *until)) {
      return Error{
          ErrorCode::kRescanNeeded,
          "what was changed before the oldest checkpoint is told in periods after `until`; "
          "ask without it, or with a later one"};
    }
  }
  request->crawled = true;
  return outcome->first;
}

// Says why the gap stays, or what to do to have it filled.
Error JournalService::WithObstacle(const Question& question, PeriodId from, Error error) {
  const auto open = OpenGapSince(from, question);
  if (!open.has_value() || question.until.has_value()) return error;
  crawler_->Wake();
  const std::string obstacle = crawler_->Obstacle(*open);
  error.message += obstacle.empty() ? "; a crawl is filling the gap: ask again, or wait for it"
                                    : "; a crawl cannot fill the gap now: " + obstacle;
  return error;
}

// 0: what waits are the gaps.
Result<std::uint64_t> JournalService::RequestCrawl(const std::vector<std::string>& paths) {
  crawler_->Wake();
  if (paths.empty()) return std::uint64_t{0};
  const std::int64_t oldest_usec = store_->OldestPeriod().start_usec;
  return crawler_->Request({paths, oldest_usec - config_.crawl_margin_usec, /*to_all=*/true});
}

CrawlStep JournalService::LookAtCrawl(std::uint64_t request) {
  CrawlStep step;
  if (request == 0) {
    Question all;
    all.since.token = TokenOf(store_->OldestPeriod().id);
    CrawlLook look = LookForCrawl(all);
    step.done = !look.wait;
    if (!look.obstacle.empty()) {
      step.status = Error{ErrorCode::kIo, "a gap cannot be filled now: " + look.obstacle};
    }
    step.crawl = crawler_->status();
    return step;
  }
  step.crawl = crawler_->status();
  auto outcome = crawler_->OutcomeOf(request);
  if (!outcome.has_value()) return step;
  step.done = true;
  step.status = outcome->status;
  step.crawl.counts = outcome->counts;
  return step;
}

}  // namespace cj
