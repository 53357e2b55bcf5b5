// Explain: why a path is in an answer.
#include <nlohmann/json.hpp>

#include "service/convert.h"
#include "service/explain.h"
#include "service/journal_interface.h"
#include "service/questions.h"
#include "service/varlink/run_on.h"

namespace cj {
namespace {

using nlohmann::json;

constexpr const char* kRoleNames[] = {"name", "former", "link", "above", "member"};

// What is said, in replies that are no longer than they should be.
class Replies {
 public:
  void Add(const char* list, std::size_t bytes, json item) {
    if (replies_.empty() || bytes_ > kFullReply) {
      replies_.push_back(json::object());
      bytes_ = 0;
    }
    bytes_ += bytes;
    replies_.back()[list].push_back(std::move(item));
  }
  std::vector<json> Take() { return std::move(replies_); }

 private:
  std::vector<json> replies_;
  std::size_t bytes_ = 0;
};

json ChangeToJson(const Change& change) {
  std::string text;
  AppendJson(change, &text);
  return json::parse(text);
}

std::vector<json> RepliesOf(const Explanation& explanation, const JournalService& service) {
  Replies replies;
  for (const Change& change : explanation.changes) {
    replies.Add("changes", change.path.size() + change.from.size(), ChangeToJson(change));
  }
  for (const PeriodGap& gap : explanation.gaps) {
    replies.Add("gaps", gap.gap.volume.size() + gap.gap.cause.size(), ToJson(gap.gap));
  }
  for (const ExplainedRecord& one : explanation.records) {
    json evidence = {{"role", kRoleNames[static_cast<std::size_t>(one.role)]},
                     {"token", service.TokenOf(one.entry.record.period)},
                     {"record", ToJson(one.entry, service.object_ids())}};
    replies.Add("evidence", one.entry.path.size() + one.entry.from.size(), std::move(evidence));
  }
  return replies.Take();
}

json VerdictOf(const Explanation& explanation, std::string since) {
  json verdict = {{"since", std::move(since)},
                  {"told", !explanation.changes.empty()},
                  {"below", explanation.below},
                  {"left_out", explanation.left_out}};
  if (!explanation.complete) verdict["incomplete"] = true;
  if (!explanation.refused.empty()) verdict["refused"] = explanation.refused;
  if (!explanation.why_not.empty()) verdict["why_not"] = explanation.why_not;
  return {{"verdict", std::move(verdict)}};
}

}  // namespace

JournalInterface::Awaitable JournalInterface::Explain(Call& call) {
  ParameterReader reader(call.parameters());
  const ExplainParameters parameters = ReadExplainParameters(reader);
  if (auto bad = reader.Finish()) {
    co_await call.InvalidParameter(*bad);
    co_return;
  }
  const auto begin = service_.Resolve(parameters.reader);
  if (!begin.has_value()) {
    co_await FailReader(call, begin.error());
    co_return;
  }
  ExplainQuestion question;
  question.path = parameters.path;
  const Position oldest{service_.TokenOf(service_.OldestPeriod().id), std::nullopt};
  question.since = begin->since.value_or(oldest);
  question.until = parameters.until;
  auto gone = call.gone_flag();
  question.cancelled = [gone] { return gone->load(); };
  Result<AnswerPlaces::Place> place = co_await places_.Take(call.peer().uid);
  if (!place.has_value()) {
    co_await call.Fail(place.error());
    co_return;
  }
  auto work = [&] { return cj::Explain(service_, question); };
  const Result<Explanation> explanation = co_await RunOn(pool_, work);
  if (!explanation.has_value()) {
    co_await FailAnswer(call, explanation.error());
    co_return;
  }
  const std::vector<json> replies = RepliesOf(*explanation, service_);
  for (const json& reply : replies) {
    const bool on = co_await call.ReplyContinues(reply);
    if (!on) co_return;
  }
  json verdict = VerdictOf(*explanation, service_.TokenOf(explanation->since));
  co_await call.Reply(verdict);
}

}  // namespace cj
