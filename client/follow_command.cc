// follow: records as they come. A connection that ends (the daemon was started anew, or this reader
// was too slow for it) is made again where the last record was.
#include <cerrno>
#include <string>

#include "client/answers.h"
#include "client/patience.h"
#include "client/questions.h"
#include "client/record_output.h"
#include "client/session.h"

namespace cj::client {
namespace {

// Programs that acknowledge are told up to where they have been told.
void ShowPosition(Session& session, const FollowOptions& options, const FeedPosition& position) {
  if (!options.consumer.empty()) WritePosition(session, position, options.format);
}

// One buffer on stdout.
Outcome ShowBuffer(Session& session, const FollowOptions& options, const cj_buffer* buffer) {
  for (std::size_t i = 0; i < cj_buffer_gap_count(buffer); ++i) {
    WriteGap(session, GapOf(*cj_buffer_gap(buffer, i)), options.format);
  }
  for (std::size_t i = 0; i < cj_buffer_count(buffer); ++i) {
    WriteRecord(session, RecordOf(*cj_buffer_record(buffer, i)), options.format);
  }
  const char* token = "";
  FeedPosition position;
  cj_buffer_position(buffer, &token, &position.sequence);
  position.token = token;
  ShowPosition(session, options, position);
  return FinishOutput(session);
}

// Where the feed begins, unless its first records say more.
Outcome ShowBegin(Session& session, const FollowOptions& options, const cj_feed* feed) {
  const char* token = "";
  FeedPosition position;
  cj_feed_position(feed, &token, &position.sequence);
  if (*token == '\0') return {};
  position.token = token;
  ShowPosition(session, options, position);
  return FinishOutput(session);
}

}  // namespace

Outcome RunFollow(Session& session, const Options& options) {
  session.ack = AckWords(options.follow.consumer, options.follow.config_hash);
  cj_feed* opened = nullptr;
  Question question = FollowQuestion(options.follow);
  const int begun = cj_feed_open(session.connection.get(), question.get(), &opened);
  if (begun == -ECONNRESET) {
    return Fail(ExitStatus::kFailed, "the daemon has closed the connection without an answer");
  }
  if (begun < 0) return FailOf(session);
  const Feed feed(opened);
  Outcome outcome = ShowBegin(session, options.follow, feed.get());
  Patience patience(session.follow_patience);
  while (outcome.status == ExitStatus::kSuccess) {
    cj_buffer* buffer = nullptr;
    if (cj_feed_read(feed.get(), -1, &buffer) > 0) {
      patience.Renew();
      outcome = ShowBuffer(session, options.follow, buffer);
      // Whoever reads our output acknowledges, if anybody does.
      cj_feed_drop(feed.get(), buffer);
    } else if (!MayGoOn(cj_feed_last_error(feed.get()))) {
      return FailOf(session, cj_feed_last_error(feed.get()));
    } else if (!patience.Wait()) {
      return GoneAway(cj_feed_last_error(feed.get()));
    }
  }
  return outcome;
}

}  // namespace cj::client
