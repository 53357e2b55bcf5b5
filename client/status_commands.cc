// The verbs with one question and one answer: status, checkpoint, periods, doctor.
#include <algorithm>
#include <cstdio>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "client/answers.h"
#include "client/quote.h"
#include "client/requests.h"
#include "client/session.h"
#include "protocol/message.h"

namespace cj::client {
namespace {

// The members of an array, one line of JSON each, as the daemon sent them.
void WriteJsonLines(Session& session, const nlohmann::json& parameters, const char* name) {
  auto array = parameters.find(name);
  if (array == parameters.end() || !array->is_array()) return;
  for (const auto& each : *array) session.out.Write(DumpJson(each) + "\n");
}

}  // namespace

Outcome RunStatus(Session& session, const Options& options) {
  Answer answer = CallOnce(session, "GetStatus", {});
  if (answer.outcome.status != ExitStatus::kSuccess) return answer.outcome;
  auto status = ReadStatusReply(*answer.parameters);
  if (!status) return Fail(status.error());
  session.out.Write(options.json ? DumpJson(*answer.parameters) + "\n"
                                 : FormatStatus(*status, session.style, session.zone));
  return FinishOutput(session);
}

void WarnOfAbsentTrees(const std::vector<AbsentTree>& absent) {
  for (const AbsentTree& tree : absent) {
    std::fprintf(
        stderr,
        "changectl: %s is left out: %s. A copy made now does not have it; make one when it "
        "is there again\n",
        QuoteName(tree.path).c_str(), tree.why.c_str());
  }
}

Outcome RunCheckpoint(Session& session, const Options& options) {
  Answer answer = CallOnce(session, "Checkpoint", CheckpointParameters(options.label));
  if (answer.outcome.status != ExitStatus::kSuccess) return answer.outcome;
  auto made = ReadCheckpointReply(*answer.parameters);
  if (!made) return Fail(made.error());
  session.out.Write(options.json ? DumpJson(*answer.parameters) + "\n" : made->token + "\n");
  WarnOfAbsentTrees(made->absent);
  return FinishOutput(session);
}

Outcome RunPeriods(Session& session, const Options& options) {
  cj_replies* opened = nullptr;
  if (cj_call_more(session.connection.get(), "GetPeriods", nullptr, &opened) < 0) {
    return FailOf(session);
  }
  const Replies replies(opened);
  std::vector<Period> periods;
  const char* text = nullptr;
  int result = 0;
  while ((result = cj_replies_next(replies.get(), &text)) > 0) {
    auto reply = ParseReplyText(text);
    if (!reply) return Fail(reply.error());
    auto some = ReadPeriodsReply(**reply);
    if (!some) return Fail(some.error());
    if (options.json) {
      WriteJsonLines(session, **reply, "periods");
    } else {
      std::move(some->begin(), some->end(), std::back_inserter(periods));
    }
  }
  if (result < 0) return FailOf(session);
  if (!options.json) session.out.Write(FormatPeriods(periods, session.style, session.zone));
  return FinishOutput(session);
}

Outcome RunDoctor(Session& session, const Options& options) {
  Answer answer = CallOnce(session, "Diagnose", {});
  if (answer.outcome.status != ExitStatus::kSuccess) return answer.outcome;
  auto findings = ReadDiagnoseReply(*answer.parameters);
  if (!findings) return Fail(findings.error());
  if (options.json) {
    WriteJsonLines(session, *answer.parameters, "findings");
  } else {
    session.out.Write(FormatFindings(*findings, session.style));
  }
  Outcome written = FinishOutput(session);
  if (written.status != ExitStatus::kSuccess) return written;
  auto missing = std::count_if(findings->begin(), findings->end(), [](const Finding& finding) {
    return finding.required && !finding.available;
  });
  if (missing == 0) return {};
  return Fail(ExitStatus::kFailed,
              std::to_string(missing) + " of what is required is missing here; see the list");
}

}  // namespace cj::client
