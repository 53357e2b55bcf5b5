// log: the records as they are stored.
#include <memory>
#include <string>
#include <utility>

#include "client/answers.h"
#include "client/pager.h"
#include "client/record_output.h"
#include "client/requests.h"
#include "client/session.h"

namespace cj::client {
namespace {

bool IsForPeople(LogFormat format) {
  return format != LogFormat::kJson && format != LogFormat::kJsonSeq && format != LogFormat::kCat;
}

// What a pager does with it is the reader's affair: one that ends early has seen enough.
Outcome EndOutput(Session& session, Pager* pager) {
  const Outcome written = FinishOutput(session);
  if (pager == nullptr) return written;
  pager->Wait();
  const bool seen_enough = written.status == ExitStatus::kFailed && written.message.empty();
  return seen_enough ? Outcome() : written;
}

}  // namespace

Outcome RunLog(Session& session, const LogOptions& options) {
  Status sent = session.connection.CallMore(MethodName("Log"), *LogParameters(options));
  if (!sent) return Fail(ExitStatus::kFailed, sent.error().message);
  if (options.utc) session.zone = [](std::int64_t) -> std::int64_t { return 0; };
  // Following waits by its nature; there is nothing to tell about it.
  if (options.follow) session.progress = false;
  // Begins with the first reply: an error is told without it.
  bool page = options.pager && session.style.terminal;
  std::unique_ptr<Pager> pager;
  bool shown = false;
  for (NextAnswer next = FirstReply(session);; next = NextReply(session)) {
    if (!next.reply && next.outcome.status != ExitStatus::kSuccess) {
      (void)EndOutput(session, pager.get());
      return next.outcome;
    }
    if (!next.reply) {
      const bool say = !shown && !options.quiet && session.style.terminal;
      if (say && IsForPeople(options.format)) session.out.Write("-- No records --\n");
      return EndOutput(session, pager.get());
    }
    auto reply = ReadLogReply(*next.reply->parameters);
    if (!reply) return Fail(reply.error());
    if (std::exchange(page, false)) {
      pager = Pager::Start(options.jump_to_end);
      if (pager) session.out = Output(pager->fd());
    }
    for (const Gap& gap : reply->gaps) WriteGap(session, gap, options.format);
    for (const Record& record : reply->records) WriteRecord(session, record, options.format);
    shown = shown || !reply->gaps.empty() || !reply->records.empty();
    if (options.follow || session.out.failed()) {
      // The end of a pager ends us; without one, what could not be written is a failure.
      const Outcome written = FinishOutput(session);
      if (written.status != ExitStatus::kSuccess) return EndOutput(session, pager.get());
    }
  }
}

}  // namespace cj::client
