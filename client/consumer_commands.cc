// consumer add, list and remove; ack.
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "client/answers.h"
#include "client/requests.h"
#include "client/session.h"
#include "protocol/message.h"

namespace cj::client {

Outcome RunConsumerAdd(Session& session, const Options& options) {
  Answer answer = CallOnce(session, "AddConsumer", AddConsumerParameters(options.consumer));
  if (answer.outcome.status != ExitStatus::kSuccess) return answer.outcome;
  auto added = ReadCheckpointReply(*answer.parameters);
  if (!added) return Fail(added.error());
  session.out.Write(options.json ? DumpJson(*answer.parameters) + "\n" : added->token + "\n");
  WarnOfAbsentTrees(added->absent);
  return FinishOutput(session);
}

Outcome RunConsumerList(Session& session, const Options& options) {
  Answer answer = CallOnce(session, "ListConsumers", {});
  if (answer.outcome.status != ExitStatus::kSuccess) return answer.outcome;
  auto list = ReadConsumersReply(*answer.parameters);
  if (!list) return Fail(list.error());
  session.out.Write(options.json ? DumpJson(*answer.parameters) + "\n"
                                 : FormatConsumers(*list, session.style, session.zone));
  return FinishOutput(session);
}

Outcome RunConsumerRemove(Session& session, const Options& options) {
  Answer answer =
      CallOnce(session, "RemoveConsumer", RemoveConsumerParameters(options.consumer.name));
  return answer.outcome;
}

Outcome RunAck(Session& session, const Options& options) {
  session.ack = AckWords(options.acknowledge.name, options.acknowledge.config_hash);
  Answer answer = CallOnce(session, "Acknowledge", AcknowledgeParameters(options.acknowledge));
  if (answer.outcome.status != ExitStatus::kSuccess) return answer.outcome;
  auto done = ReadAcknowledgeReply(*answer.parameters);
  if (!done) return Fail(done.error());
  if (!done->moved) {
    std::fprintf(stderr, "changectl: nothing moved: %s stands at %s (record %lld) already\n",
                 options.acknowledge.name.c_str(), done->token.c_str(),
                 static_cast<long long>(done->sequence));
  }
  return {};
}

}  // namespace cj::client
