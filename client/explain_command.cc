// explain: why a path is in an answer, or why it is not.
#include <optional>
#include <string>

#include "client/explanation.h"
#include "client/requests.h"
#include "client/session.h"
#include "client/token_file.h"

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
  Status sent = session.connection.CallMore(MethodName("Explain"), *ExplainParameters(explain));
  if (!sent) return Fail(ExitStatus::kFailed, sent.error().message);
  Explanation explanation;
  for (NextAnswer next = FirstReply(session);; next = NextReply(session)) {
    if (!next.reply && next.outcome.status != ExitStatus::kSuccess) return next.outcome;
    if (!next.reply) break;
    const Status added = AddExplanation(*next.reply->parameters, &explanation);
    if (!added) return Fail(added.error());
  }
  if (!explanation.verdict) {
    return Fail(ExitStatus::kFailed, "the explanation was cut short; ask again");
  }
  session.out.Write(
      options.json ? FormatExplanationJson(explanation)
                   : FormatExplanation(explain.path, explanation, session.style, session.zone));
  return FinishOutput(session);
}

}  // namespace cj::client
