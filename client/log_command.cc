// log: the records as they are stored. One that is followed goes on with the next daemon.
#include <poll.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "client/pager.h"
#include "client/patience.h"
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

// Nothing is an answer also where nothing is watched. Says so; a feed of these paths would be
// refused, and one that is not is ended at once.
void WarnIfUnwatched(const Options& options) {
  if (options.log.paths.empty() || options.log.quiet) return;
  const Connection connection(cj_new());
  if (cj_connect(connection.get(), options.socket.c_str()) < 0) return;
  FollowOptions same;
  same.paths = options.log.paths;
  Question question = FollowQuestion(same);
  cj_feed* opened = nullptr;
  const int result = cj_feed_open(connection.get(), question.get(), &opened);
  const Feed feed(opened);
  if (result != -EINVAL) return;
  std::fprintf(stderr, "changectl: %s\n", cj_error_text(cj_last_error(connection.get())));
}

// Of a log that is followed, before anything is read: its first reply has come, so that it counts
// among the user's feeds already and the question is the one too many, if any.
void WarnIfUnwatchedFollower(Session& session, const Options& options) {
  pollfd reply{cj_fd(session.connection.get()), POLLIN, 0};
  if (!options.log.paths.empty() && ::poll(&reply, 1, -1) > 0) WarnIfUnwatched(options);
}

// What comes next. Where the connection of a log that is followed has ended, that is what the next
// daemon tells. Less than 0: *failure says why.
int NextEntry(Session& session, cj_log* log, Patience* patience, const cj_record** record,
              const cj_gap** gap, Outcome* failure) {
  for (;;) {
    const int result = cj_log_next(log, record, gap);
    const cj_error* error = cj_last_error(session.connection.get());
    if (result >= 0) {
      if (patience != nullptr) patience->Renew();
      return result;
    }
    if (patience == nullptr || result == -ENOTCONN || !MayGoOn(error)) {
      *failure = FailOf(session);
      return result;
    }
    if (!patience->Wait()) {
      *failure = GoneAway();
      return result;
    }
  }
}

}  // namespace

Outcome RunLog(Session& session, const Options& all_options) {
  const LogOptions& options = all_options.log;
  cj_log* opened = nullptr;
  Question question = LogQuestion(options);
  if (cj_log_open(session.connection.get(), question.get(), &opened) < 0) return FailOf(session);
  const Log log(opened);
  if (options.utc) session.zone = [](std::int64_t) -> std::int64_t { return 0; };
  // Following waits by its nature; there is nothing to tell about it.
  if (options.follow) session.progress = false;
  ShowWaiting(session);
  if (options.follow) WarnIfUnwatchedFollower(session, all_options);
  Patience patience(session.follow_patience);
  Patience* const goes_on = options.follow ? &patience : nullptr;
  Outcome failure;
  // Begins with the first entry, or with the end: an error is told without it.
  bool page = options.pager && session.style.terminal;
  std::unique_ptr<Pager> pager;
  bool shown = false;
  const cj_record* record = nullptr;
  const cj_gap* gap = nullptr;
  int result = 0;
  while ((result = NextEntry(session, log.get(), goes_on, &record, &gap, &failure)) >= 0) {
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
    return failure;
  }
  const bool say = !shown && !options.quiet && session.style.terminal;
  if (say && IsForPeople(options.format)) session.out.Write("-- No records --\n");
  const Outcome ended = EndOutput(session, pager.get());
  if (!shown) WarnIfUnwatched(all_options);
  return ended;
}

}  // namespace cj::client
