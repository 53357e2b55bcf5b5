// log: the records as they are stored.
#include <string>

#include "client/answers.h"
#include "client/record_output.h"
#include "client/requests.h"
#include "client/session.h"

namespace cj::client {
Outcome RunLog(Session& session, const LogOptions& options) {
  Status sent = session.connection.CallMore(MethodName("Log"), *LogParameters(options));
  if (!sent) return Fail(ExitStatus::kFailed, sent.error().message);
  // Following waits by its nature; there is nothing to tell about it.
  if (options.follow) session.progress = false;
  for (NextAnswer next = FirstReply(session);; next = NextReply(session)) {
    if (!next.reply && next.outcome.status != ExitStatus::kSuccess) {
      (void)session.out.Flush().has_value();
      return next.outcome;
    }
    if (!next.reply) return FinishOutput(session);
    auto reply = ReadLogReply(*next.reply->parameters);
    if (!reply) return Fail(reply.error());
    for (const Gap& gap : reply->gaps) {
      WriteGap(session, gap, options.format);
    }
    for (const Record& record : reply->records) {
      WriteRecord(session, record, options.format);
    }
    if (options.follow || session.out.failed()) {
      Outcome written = FinishOutput(session);
      if (written.status != ExitStatus::kSuccess) return written;
    }
  }
}

}  // namespace cj::client
