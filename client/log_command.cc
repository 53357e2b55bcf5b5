// log: the records as they are stored.
#include <memory>
#include <string>
#include <utility>

#include "client/pager.h"
#include "client/questions.h"
#include "client/record_output.h"
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
  cj_log* opened = nullptr;
  Question question = LogQuestion(options);
  if (cj_log_open(session.connection.get(), question.get(), &opened) < 0) return FailOf(session);
  const Log log(opened);
  if (options.utc) session.zone = [](std::int64_t) -> std::int64_t { return 0; };
  // Following waits by its nature; there is nothing to tell about it.
  if (options.follow) session.progress = false;
  ShowWaiting(session);
  // Begins with the first entry, or with the end: an error is told without it.
  bool page = options.pager && session.style.terminal;
  std::unique_ptr<Pager> pager;
  bool shown = false;
  const cj_record* record = nullptr;
  const cj_gap* gap = nullptr;
  int result = 0;
  while ((result = cj_log_next(log.get(), &record, &gap)) >= 0) {
    if (std::exchange(page, false)) {
      pager = Pager::Start(options.jump_to_end);
      if (pager) session.out = Output(pager->fd());
    }
    if (result == 0) break;
    shown = true;
    if (gap != nullptr) WriteGap(session, GapOf(*gap), options.format);
    if (record != nullptr) WriteRecord(session, RecordOf(*record), options.format);
    if (cj_log_ready(log.get()) == 0 && (options.follow || session.out.failed())) {
      // The end of a pager ends us; without one, what could not be written is a failure.
      const Outcome written = FinishOutput(session);
      if (written.status != ExitStatus::kSuccess) return EndOutput(session, pager.get());
    }
  }
  if (result < 0) {
    (void)EndOutput(session, pager.get());
    return FailOf(session);
  }
  const bool say = !shown && !options.quiet && session.style.terminal;
  if (say && IsForPeople(options.format)) session.out.Write("-- No records --\n");
  return EndOutput(session, pager.get());
}

}  // namespace cj::client
