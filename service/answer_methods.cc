// Changes: answers in batches over the socket.
#include <nlohmann/json.hpp>

#include "service/convert.h"
#include "service/journal_interface.h"
#include "service/questions.h"

namespace cj {
namespace {

using nlohmann::json;

// Changes made in one step: some 100 KiB.
constexpr std::size_t kBatch = 1000;
// One step of an answer, made on the pool.
struct ChangeBatch {
  bool more = false;
  std::vector<std::string> replies;  // the parameters of each, as JSON
};

Result<ChangeBatch> NextBatch(Answer& answer) {
  std::vector<Change> changes;
  ChangeBatch batch;
  CJ_ASSIGN_OR_RETURN(batch.more, answer.Next(kBatch, &changes));
  for (std::size_t i = 0; i < changes.size();) {
    std::string& reply = batch.replies.emplace_back("{\"changes\":[");
    AppendJson(changes[i++], &reply);
    while (i < changes.size() && reply.size() < kFullReply) {
      reply += ',';
      AppendJson(changes[i++], &reply);
    }
    reply += "]}";
  }
  return batch;
}

}  // namespace

JournalInterface::Awaitable JournalInterface::FailAnswer(Call& call, const Error& error) {
  std::optional<std::string> next;
  if (error.code == ErrorCode::kRescanNeeded) next = service_.RescanToken();
  const Error told = access_.MayDoEverything(call.peer()) ? error : ForViewer(error);
  co_await call.Fail(ToCallError(told, "since", next));
}

JournalInterface::Awaitable JournalInterface::FailReader(Call& call, const Error& error) {
  Error told = error;
  if (!access_.MayDoEverything(call.peer())) {
    co_await FailAnswer(call, error);
    co_return;
  }
  if (error.code == ErrorCode::kNotFound) {
    // No token would do: the consumer has to be added first.
    told.code = ErrorCode::kRescanNeeded;
    co_await call.Fail(ToCallError(told));
    co_return;
  }
  auto begin = [this] { return service_.BeginRescan(), Status(); };
  if (error.code == ErrorCode::kRescanNeeded) (void)co_await Work(call, begin);
  co_await FailAnswer(call, told);
}

boost::asio::awaitable<bool> JournalInterface::ResolveReader(Call& call, Question* question) {
  const auto place = service_.Resolve(question->reader);
  if (!place.has_value()) {
    co_await FailReader(call, place.error());
    co_return false;
  }
  question->since = place->since.value_or(Position());
  if (question->paths.empty()) question->paths = place->paths;
  co_return true;
}

JournalInterface::Awaitable JournalInterface::Changes(Call& call) {
  ParameterReader reader(call.parameters());
  Question question = ReadQuestion(reader);
  if (auto bad = reader.Finish()) {
    co_await call.InvalidParameter(*bad);
    co_return;
  }
  const bool admitted = co_await AdmitQuestion(call, &question);
  if (!admitted) co_return;
  const bool known = co_await ResolveReader(call, &question);
  if (!known) co_return;
  if (question.wait) {
    const bool there = co_await AwaitCrawl(call, question, true);
    if (!there) co_return;
  }
  Result<AnswerPlaces::Place> place = co_await PlacesOf(call).Take(call.peer().uid);
  if (!place.has_value()) {
    co_await call.Fail(place.error());
    co_return;
  }
  auto gone = call.gone_flag();
  question.cancelled = [gone] { return gone->load(); };
  auto open = [&] { return service_.OpenAnswer(question); };
  Result<OpenedAnswer> opened = co_await OpenFilled(call, question, open);
  if (!opened.has_value()) {
    co_await FailAnswer(call, opened.error());
    co_return;
  }
  auto next = [&] {
    auto batch = NextBatch(*opened->answer);
    const bool refused = !batch && batch.error().code == ErrorCode::kRescanNeeded;
    if (refused && question.viewer == nullptr) service_.BeginRescan();
    return batch;
  };
  for (bool more = true; more;) {
    Result<ChangeBatch> batch = co_await Work(call, next);
    if (!batch.has_value()) {
      co_await FailAnswer(call, batch.error());
      co_return;
    }
    more = batch->more;
    for (const std::string& reply : batch->replies) {
      if (!co_await call.ReplyContinuesText(reply)) co_return;
    }
  }
  json summary = SummaryToJson(*opened);
  co_await call.Reply(summary);
}

}  // namespace cj
