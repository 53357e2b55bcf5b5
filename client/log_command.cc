// log: the records as they are stored.
#include <string>

#include "client/answers.h"
#include "client/requests.h"
#include "client/session.h"

namespace cj::client {
namespace {

std::string FormatRecord(const Record& record, LogFormat format, const Session& session) {
  switch (format) {
    case LogFormat::kShort:
      return FormatRecordShort(record, session.style, session.zone);
    case LogFormat::kVerbose:
      return FormatRecordVerbose(record, session.style, session.zone);
    case LogFormat::kJson:
      return FormatRecordJson(record);
    case LogFormat::kCat:
      return FormatRecordCat(record);
  }
  return {};
}

std::string FormatGap(const Gap& gap, LogFormat format, const Session& session) {
  switch (format) {
    case LogFormat::kShort:
    case LogFormat::kVerbose:
      return FormatGapShort(gap, session.style, session.zone);
    case LogFormat::kJson:
      return FormatGapJson(gap);
    case LogFormat::kCat:
      return {};
  }
  return {};
}

}  // namespace

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
      session.out.Write(FormatGap(gap, options.format, session));
    }
    for (const Record& record : reply->records) {
      session.out.Write(FormatRecord(record, options.format, session));
    }
    if (options.follow || session.out.failed()) {
      Outcome written = FinishOutput(session);
      if (written.status != ExitStatus::kSuccess) return written;
    }
  }
}

}  // namespace cj::client
