// explain: why a path is in an answer, or why it is not.
#include <optional>
#include <string>

#include "client/explanation.h"
#include "client/requests.h"
#include "client/session.h"
#include "client/token_file.h"
#include "protocol/message.h"

namespace cj::client {
namespace {

// The options with the token of their file.
Outcome ReadStart(ExplainOptions* options) {
  if (options->token_file.empty()) return {};
  auto token = ReadTokenFile(options->token_file);
  if (!token) return Fail(ExitStatus::kFailed, token.error().message);
  if (!*token) {
    return Fail(ExitStatus::kFailed, "there is no " + options->token_file +
                                         " yet: the first 'changes --token-file=' makes it");
  }
  options->since = Position{**token, std::nullopt};
  return {};
}

}  // namespace

Outcome RunExplain(Session& session, const Options& options) {
  ExplainOptions explain = options.explain;
  const Outcome start = ReadStart(&explain);
  if (start.status != ExitStatus::kSuccess) return start;
  session.ack = AckWords(explain.consumer, "");
  const std::string parameters = DumpJson(*ExplainParameters(explain));
  cj_replies* opened = nullptr;
  if (cj_call_more(session.connection.get(), "Explain", parameters.c_str(), &opened) < 0) {
    return FailOf(session);
  }
  const Replies replies(opened);
  ShowWaiting(session);
  Explanation explanation;
  const char* text = nullptr;
  int result = 0;
  while ((result = cj_replies_next(replies.get(), &text)) > 0) {
    auto reply = ParseReplyText(text);
    if (!reply) return Fail(reply.error());
    const Status added = AddExplanation(**reply, &explanation);
    if (!added) return Fail(added.error());
  }
  if (result < 0) return FailOf(session);
  if (!explanation.verdict) {
    return Fail(ExitStatus::kFailed, "the explanation was cut short; ask again");
  }
  session.out.Write(
      options.json ? FormatExplanationJson(explanation)
                   : FormatExplanation(explain.path, explanation, session.style, session.zone));
  return FinishOutput(session);
}

}  // namespace cj::client
