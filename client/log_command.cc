// log: the records as they are stored. One that is followed goes on with the next daemon.
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "base/text.h"
#include "client/answers.h"
#include "client/pager.h"
#include "client/patience.h"
#include "client/questions.h"
#include "client/quote.h"
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

// Nothing is an answer also where nothing is watched. Who may not ask what is watched is not told:
// what is kept from him could be found out so.
void WarnOfUnwatched(Session& session, const LogOptions& options) {
  if (options.paths.empty() || options.quiet) return;
  const Answer answer = CallOnce(session, "GetStatus", {});
  if (answer.outcome.status != ExitStatus::kSuccess) return;
  const auto status = ReadStatusReply(*answer.parameters);
  if (!status) return;
  for (const std::string& path : options.paths) {
    const bool watched =
        std::any_of(status->watches.begin(), status->watches.end(), [&](const auto& watch) {
          return PathContains(watch.path, path) || PathContains(path, watch.path);
        });
    if (watched) continue;
    std::fprintf(stderr, "changectl: %s is not under any watch: see 'changectl status'\n",
                 QuoteName(path).c_str());
  }
}

// Reads a log. Where the connection of one that is followed has ended, it goes on with what the
// next daemon tells.
class Reader {
 public:
  Reader(Session& session, bool follow)
      : session_(session), follow_(follow), patience_(session.follow_patience) {}

  // As cj_log_next(); less than 0: failure() says why.
  int Next(cj_log* log, const cj_record** record, const cj_gap** gap) {
    for (;;) {
      const int result = cj_log_next(log, record, gap);
      if (result >= 0) {
        patience_.Renew();
        first_ = false;
        return result;
      }
      const cj_error* error = cj_last_error(session_.connection.get());
      // With the first one there is no former one that was not let go of.
      const bool busy = result == -EBUSY && first_;
      first_ = false;
      if (!follow_ || busy || result == -ENOTCONN || !MayGoOn(error)) {
        failure_ = FailOf(session_);
      } else if (!patience_.Wait()) {
        failure_ = GoneAway(error);
      } else {
        continue;
      }
      return result;
    }
  }
  const Outcome& failure() const { return failure_; }

 private:
  Session& session_;
  const bool follow_;
  bool first_ = true;  // of the attempts, and nothing has come by it
  Patience patience_;
  Outcome failure_;
};

}  // namespace

Outcome RunLog(Session& session, const LogOptions& options) {
  WarnOfUnwatched(session, options);
  cj_log* opened = nullptr;
  Question question = LogQuestion(options);
  if (cj_log_open(session.connection.get(), question.get(), &opened) < 0) return FailOf(session);
  const Log log(opened);
  if (options.utc) session.zone = [](std::int64_t) -> std::int64_t { return 0; };
  // Following waits by its nature; there is nothing to tell about it.
  if (options.follow) session.progress = false;
  ShowWaiting(session);
  Reader reader(session, options.follow);
  // Begins with the first entry, or with the end: an error is told without it.
  bool page = options.pager && session.style.terminal;
  std::unique_ptr<Pager> pager;
  bool shown = false;
  const cj_record* record = nullptr;
  const cj_gap* gap = nullptr;
  int result = 0;
  while ((result = reader.Next(log.get(), &record, &gap)) >= 0) {
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
    return reader.failure();
  }
  const bool say = !shown && !options.quiet && session.style.terminal;
  if (say && IsForPeople(options.format)) session.out.Write("-- No records --\n");
  return EndOutput(session, pager.get());
}

}  // namespace cj::client
