// follow: records as they come. A connection that ends (the daemon was started anew, or this reader
// was too slow for it) is made again where the last record was.
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "client/answers.h"
#include "client/record_output.h"
#include "client/requests.h"
#include "client/session.h"

namespace cj::client {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kFirstPause{50};
constexpr milliseconds kLongestPause{1000};

struct Shown {
  bool any = false;  // a reply has come
  Outcome outcome;   // kSuccess: the connection has ended
};

// The replies of one connection. `*position` follows them.
Shown ShowFeed(Session& session, const FollowOptions& options, FeedPosition* position) {
  Shown shown;
  Status sent =
      session.connection.CallMore(MethodName("Follow"), *FollowParameters(options, *position));
  if (!sent) return shown;
  for (;;) {
    auto next = session.connection.Next();
    if (!next || !*next) return shown;
    auto reply = ReadFollowReply(*(*next)->parameters);
    // The former connection may not have let go of the consumer yet.
    const bool busy = (*next)->error == varlink_error::kBusy;
    if (busy && !position->token.empty()) return shown;
    if (!(*next)->ok()) {
      shown.outcome = FailOf(session, **next);
    } else if (!reply) {
      shown.outcome = Fail(reply.error());
    } else {
      shown.any = true;
      for (const Gap& gap : reply->log.gaps) WriteGap(session, gap, options.format);
      for (const Record& record : reply->log.records) WriteRecord(session, record, options.format);
      *position = reply->position;
      if (!options.consumer.empty()) WritePosition(session, *position, options.format);
      shown.outcome = FinishOutput(session);
    }
    if (shown.outcome.status != ExitStatus::kSuccess) return shown;
  }
}

// How long to wait before the next attempt, and whether there is one.
class Patience {
 public:
  explicit Patience(milliseconds whole) : whole_(whole), deadline_(Clock::now() + whole) {}
  void Renew() { *this = Patience(whole_); }
  // False: it has come to its end.
  bool Wait() {
    if (Clock::now() >= deadline_) return false;
    ::poll(nullptr, 0, static_cast<int>(pause_.count()));
    pause_ = std::min(pause_ * 2, kLongestPause);
    return true;
  }

 private:
  milliseconds whole_;
  Clock::time_point deadline_;
  milliseconds pause_ = kFirstPause;
};

}  // namespace

Outcome RunFollow(Session& session, const Options& options) {
  session.ack = AckWords(options.follow.consumer, options.follow.config_hash);
  FeedPosition position;
  Patience patience(session.follow_patience);
  for (;;) {
    const Shown shown = ShowFeed(session, options.follow, &position);
    if (shown.outcome.status != ExitStatus::kSuccess) return shown.outcome;
    if (position.token.empty()) {
      return Fail(ExitStatus::kFailed, "the daemon has closed the connection without an answer");
    }
    if (shown.any) patience.Renew();
    for (bool connected = false; !connected;) {
      if (!patience.Wait()) {
        return Fail(ExitStatus::kNotReachable, "the daemon has gone away, and has not come back");
      }
      auto connection = ClientConnection::Connect(options.socket);
      connected = connection.has_value();
      if (connected) session.connection = std::move(connection).value();
    }
  }
}

}  // namespace cj::client
