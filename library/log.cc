// The log: records and gaps as they are stored. One that is followed outlives its connection.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <deque>
#include <utility>

#include "library/connection.h"
#include "library/question.h"
#include "library/views.h"

using cj::library::Channel;
using cj::library::Guarded;
using cj::library::MissingResult;
using cj::library::Note;
using cj::library::OnConnection;

namespace {

// Gaps that a log remembers having told. Whoever goes on asks for those of the present period
// again, and is not to hear of them twice; of more than there ever are in one he may.
constexpr std::size_t kGapsRemembered = 1000;

}  // namespace

struct cj_log {
  std::shared_ptr<Channel> channel;
  cj::JsonValue parameters;
  bool follow = false;
  int call = 0;
  bool more = true;
  int ended = 1;  // what every further call returns; 1: not yet
  cj::reply::LogReply reply = {};
  std::size_t gap_at = 0, record_at = 0;
  cj_gap gap = {};
  cj_record record = {};
  cj::library::RecordParts parts = {};
  // Where a log that is followed can go on: behind the last reply; before any has come, where it
  // begins. Without a token nowhere: the daemon is one that tells no positions.
  bool begun = false;
  cj::reply::FeedPosition behind = {};
  bool lost = false;     // its connection; the next call goes on with another one
  bool resumed = false;  // and nothing has come by that yet
  std::deque<cj::reply::Gap> gaps_told = {};
};

namespace {

bool IsSame(const cj::reply::Gap& a, const cj::reply::Gap& b) {
  return a.volume == b.volume && a.from_usec == b.from_usec && a.to_usec == b.to_usec &&
         a.cause == b.cause && a.filled_in == b.filled_in;
}

// Leaves out the gaps that were told before the connection ended, and remembers the others.
void KeepNewGaps(cj_log& log) {
  std::erase_if(log.reply.gaps, [&](const cj::reply::Gap& gap) {
    return std::any_of(log.gaps_told.begin(), log.gaps_told.end(),
                       [&](const cj::reply::Gap& told) { return IsSame(told, gap); });
  });
  for (const cj::reply::Gap& gap : log.reply.gaps) {
    log.gaps_told.push_back(gap);
    if (log.gaps_told.size() > kGapsRemembered) log.gaps_told.pop_front();
  }
}

// Asks for what comes behind the last reply.
int GoOn(cj_log& log) {
  const int call = log.channel->Start(
      "Log", log.begun ? cj::library::Resumed(log.parameters, log.behind) : log.parameters);
  if (call < 0) return call;
  log.call = call;
  log.lost = false;
  log.resumed = true;
  return 0;
}

int Receive(cj_log& log) {
  if (!log.more) return 0;
  if (log.lost) {
    const int result = GoOn(log);
    if (result < 0) return result;
  }
  cj::ClientReply reply;
  const int result = log.channel->Next(log.call, &reply);
  if (result < 0) return result;
  log.more = reply.continues;
  auto read = cj::reply::ReadLogReply(*reply.parameters);
  if (!read) return Note(log.channel->error, read.error());
  log.reply = std::move(read).value();
  log.gap_at = log.record_at = 0;
  log.begun = true;
  if (log.follow) KeepNewGaps(log);
  if (!log.reply.position.token.empty()) log.behind = log.reply.position;
  return 1;
}

// Nothing to receive. What the next call will do.
int Stop(cj_log& log, int result) {
  const bool may_go_on = log.follow && (!log.begun || !log.behind.token.empty());
  if (result < 0 && result != -EPROTO && result != -ENOTCONN && may_go_on) {
    log.channel->Abandon(log.call);
    log.lost = true;
  } else {
    log.ended = result < 0 && log.follow ? -ENOTCONN : result;
  }
  return result;
}

// A call takes no longer than the connection's timeout, however many replies come that tell nothing
// but how far it is.
class OneTimeout {
 public:
  explicit OneTimeout(Channel& channel)
      : channel_(channel),
        whole_ms_(channel.timeout_ms()),
        end_(Clock::now() + std::chrono::milliseconds(std::max(whole_ms_, 0))) {}
  ~OneTimeout() { channel_.set_timeout_ms(whole_ms_); }
  OneTimeout(const OneTimeout&) = delete;
  OneTimeout& operator=(const OneTimeout&) = delete;
  void SetRest() {
    if (whole_ms_ < 0) return;
    const auto rest = std::chrono::ceil<std::chrono::milliseconds>(end_ - Clock::now());
    channel_.set_timeout_ms(std::max(static_cast<int>(rest.count()), 0));
  }

 private:
  using Clock = std::chrono::steady_clock;
  Channel& channel_;
  const int whole_ms_;
  const Clock::time_point end_;
};

int Next(cj_log& log, const struct cj_record** record, const struct cj_gap** gap) {
  OneTimeout timeout(*log.channel);
  while (log.ended > 0) {
    const cj::reply::LogReply& reply = log.reply;
    if (log.gap_at < reply.gaps.size()) {
      log.gap = cj::library::ViewOf(reply.gaps[log.gap_at++]);
      *gap = &log.gap;
      *record = nullptr;
    } else if (log.record_at < reply.records.size()) {
      log.record = cj::library::ViewOf(reply.records[log.record_at++], log.parts);
      *record = &log.record;
      *gap = nullptr;
    } else {
      timeout.SetRest();
      const int result = Receive(log);
      if (result == -EAGAIN) return result;
      if (result <= 0) return Stop(log, result);
      // Its reader hears that it goes on, also where there is nothing to tell yet.
      if (!std::exchange(log.resumed, false) || cj_log_ready(&log) > 0) continue;
      *record = nullptr;
      *gap = nullptr;
      return 1;
    }
    log.channel->SetLeft(cj_log_ready(&log) > 0);
    return 1;
  }
  return log.ended;
}

}  // namespace

int cj_log_open(cj_connection* connection, const struct cj_question* question, cj_log** log) {
  return OnConnection(connection, [&](Channel& channel) {
    if (log == nullptr) return MissingResult(channel);
    auto parameters = cj::library::QuestionParameters(question, cj::library::Asker::kLog);
    if (!parameters) return Note(channel.error, parameters.error());
    auto opened = std::make_unique<cj_log>(
        cj_log{.channel = connection->channel, .parameters = std::move(parameters).value()});
    opened->follow = (question->flags & CJ_FOLLOW) != 0;
    opened->call = channel.Start("Log", opened->parameters);
    if (opened->call < 0) return opened->call;
    *log = opened.release();
    return 0;
  });
}

int cj_log_next(cj_log* log, const struct cj_record** record, const struct cj_gap** gap) {
  if (log == nullptr) return -EINVAL;
  Channel& channel = *log->channel;
  auto body = [&] {
    const bool nowhere = record == nullptr || gap == nullptr;
    return nowhere ? MissingResult(channel) : Next(*log, record, gap);
  };
  auto broken = [&] {
    channel.Drop();
    log->ended = -ENOTCONN;
  };
  return Guarded(channel.error, body, broken);
}

size_t cj_log_ready(const cj_log* log) {
  if (log == nullptr) return 0;
  return log->reply.gaps.size() - log->gap_at + log->reply.records.size() - log->record_at;
}

void cj_log_close(cj_log* log) {
  if (log == nullptr) return;
  log->channel->Abandon(log->call);
  delete log;
}
