// A verb's surroundings: the connection to the daemon, where output goes and how it looks. One
// thread.
#pragma once

#include <unistd.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "client/answers.h"
#include "client/connection.h"
#include "client/exit_status.h"
#include "client/format.h"
#include "client/options.h"
#include "client/output.h"
#include "protocol/json_value.h"

namespace cj::client {

struct Session {
  Connection connection;
  Output out{STDOUT_FILENO};
  Style style;
  UtcOffset zone;
  bool progress = false;  // stderr is a terminal: long waits may be shown there
  // `follow` and `log -f` give up when the daemon cannot be reached, or hangs up, for so long. A
  // restart of the service takes less, also on a slow machine.
  std::chrono::milliseconds follow_patience = std::chrono::seconds(60);
  // `changectl ACK TOKEN` tells that a scan is complete, where a consumer's position is read.
  std::string ack = {};
  // The file that has the token, where one does: a scan begins with its removal.
  std::string token_file = {};
};

// Session::ack of this consumer; nothing where there is none.
std::string AckWords(const std::string& consumer, const std::string& config_hash);

// Why the last call failed; RescanNeeded names the token to go on from.
Outcome FailOf(const Session& session, const cj_error* error);
Outcome FailOf(const Session& session);

// A call with one reply: its parameters, or why there are none.
struct Answer {
  JsonValue parameters;
  Outcome outcome;
};
Answer CallOnce(Session& session, const char* method, const JsonValue& parameters);
// What the library gives as text.
Result<JsonValue> ParseReplyText(const char* text);

// Shows a long wait for the first reply on a terminal.
void ShowWaiting(const Session& session);

// Success when everything was written. A reader that has gone away (EPIPE) is no message's worth:
// it ended because it had seen enough.
Outcome FinishOutput(Session& session);

// Says on stderr which watched trees are not there. To be called when a token has been given to
// start from: it speaks of all of them, and who makes a copy now has none of those.
void WarnOfAbsentTrees(const std::vector<AbsentTree>& absent);

// The verbs.
Outcome RunStatus(Session& session, const Options& options);
Outcome RunCheckpoint(Session& session, const Options& options);
Outcome RunChanges(Session& session, const ChangesOptions& options);
Outcome RunLog(Session& session, const LogOptions& options);
Outcome RunPeriods(Session& session, const Options& options);
Outcome RunFollow(Session& session, const Options& options);
Outcome RunExplain(Session& session, const Options& options);
Outcome RunConsumerAdd(Session& session, const Options& options);
Outcome RunConsumerList(Session& session, const Options& options);
Outcome RunConsumerRemove(Session& session, const Options& options);
Outcome RunAck(Session& session, const Options& options);
Outcome RunCrawl(Session& session, const Options& options);
Outcome RunDoctor(Session& session, const Options& options);
Outcome RunMetrics(Session& session, const Options& options);
Outcome RunTop(Session& session, const Options& options);

}  // namespace cj::client
