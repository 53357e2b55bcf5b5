// Feeds: records as they come, in buffers that are acknowledged when they are put back. Following
// holds its connection; what acknowledges is another one, made when it is needed.
#include <cerrno>
#include <nlohmann/json.hpp>

#include "library/connection.h"
#include "library/held_buffers.h"
#include "library/question.h"

using cj::library::Channel;
using cj::library::Guarded;
using cj::library::MissingResult;
using cj::library::Note;
using cj::library::OnConnection;
using cj::reply::FeedPosition;

struct cj_feed {
  cj_feed(const std::string& path, cj::JsonValue question)
      : following(path), acknowledging(path), parameters(std::move(question)) {}
  Channel following, acknowledging;
  cj::JsonValue parameters;
  std::string consumer = {};  // empty: transient
  int timeout_ms = -1;        // for all but reading
  int call = 0;
  FeedPosition told = {};                            // behind the last buffer that was read
  std::optional<cj::reply::FollowReply> first = {};  // told when it was opened, not read yet
  cj::library::HeldBuffers held = {};
  std::int64_t acknowledged = -1;  // sequence; -1: none yet
  std::string acknowledged_token = {};
  bool calling_back = false;
};

namespace {

// One reply of Follow; 1, or why there is none.
int Receive(cj_feed& feed, int milliseconds, cj::reply::FollowReply* told) {
  Channel& channel = feed.following;
  channel.set_timeout_ms(milliseconds);
  cj::ClientReply reply;
  const int result = channel.Next(feed.call, &reply);
  if (result < 0) {
    if (result != -EAGAIN) channel.Drop();
    return result;
  }
  auto read = cj::reply::ReadFollowReply(*reply.parameters);
  if (!read || !reply.continues) {
    channel.Drop();
    return read ? Note(channel.error, -ECONNRESET, "the daemon has ended the feed")
                : Note(channel.error, read.error());
  }
  *told = std::move(read).value();
  return 1;
}

// Connects and begins where the last reply ended, if there was one. 0: the first reply has come.
int Begin(cj_feed& feed) {
  Channel& channel = feed.following;
  feed.first.reset();
  channel.set_timeout_ms(feed.timeout_ms);
  feed.call = channel.Start("Follow", feed.told.token.empty()
                                          ? feed.parameters
                                          : cj::library::Resumed(feed.parameters, feed.told));
  if (feed.call < 0) return feed.call;
  cj::reply::FollowReply first;
  int result = Receive(feed, feed.timeout_ms, &first);
  if (result == -EAGAIN) {
    channel.Drop();
    result = Note(channel.error, -ETIMEDOUT, "the daemon did not answer in time");
  }
  if (result < 0) return result;
  const bool again = !feed.told.token.empty();
  const bool empty = first.log.records.empty() && first.log.gaps.empty();
  if (!again && empty) {
    feed.told = first.position;
    feed.held.set_handled(std::move(first.position));
  } else {
    // Also an empty one where the feed goes on: its reader hears that it does.
    feed.first = std::move(first);
    channel.SetLeft(true);
  }
  return 0;
}

int Read(cj_feed& feed, int milliseconds, cj_buffer** buffer) {
  if (!feed.following.connected()) {
    const int result = Begin(feed);
    if (result < 0) return result;
  }
  cj::reply::FollowReply told;
  if (feed.first) {
    told = *std::move(feed.first);
    feed.first.reset();
    feed.following.SetLeft(false);
  } else {
    const int result = Receive(feed, milliseconds, &told);
    if (result < 0) return result;
  }
  auto made = std::make_unique<cj_buffer>(std::move(told));
  FeedPosition behind = made->reply.position;
  *buffer = feed.held.Add(std::move(made));
  feed.told = std::move(behind);
  return 1;
}

// Tells the daemon up to where all has been handled, if it does not know.
int Acknowledge(cj_feed& feed) {
  const FeedPosition& at = feed.held.handled();
  if (feed.consumer.empty() || at.token.empty() ||
      (feed.acknowledged == at.sequence && feed.acknowledged_token == at.token)) {
    return 0;
  }
  auto parameters = cj::library::AcknowledgeParameters(feed.consumer.c_str(), at.token.c_str(),
                                                       &at.sequence, nullptr);
  Channel& channel = feed.acknowledging;
  channel.set_timeout_ms(feed.timeout_ms);
  cj::JsonValue answer;
  const bool is_new = !channel.connected();
  int result = channel.Call("Acknowledge", *parameters, &answer);
  // A connection that was made for the former one may have ended long ago. Twice is as good as
  // once.
  if (result == -ECONNRESET && !is_new) result = channel.Call("Acknowledge", *parameters, &answer);
  if (result < 0) {
    feed.following.error = channel.error;
    return result;
  }
  feed.acknowledged = at.sequence;
  feed.acknowledged_token = at.token;
  return 0;
}

int GiveBack(cj_feed& feed, const cj_buffer* buffer, bool handled) {
  if (!feed.held.GiveBack(buffer, handled)) {
    return Note(feed.following.error, -EINVAL,
                "this buffer is none of this feed, or has been given back already");
  }
  return Acknowledge(feed);
}

int CallBack(const cj_callbacks& callbacks, const cj_buffer& buffer) {
  for (const cj_gap& gap : buffer.gaps) {
    const int result = callbacks.gap == nullptr ? 0 : callbacks.gap(callbacks.data, &gap);
    if (result != 0) return result;
  }
  for (const cj_record& record : buffer.records) {
    const int result = callbacks.record == nullptr ? 0 : callbacks.record(callbacks.data, &record);
    if (result != 0) return result;
  }
  return 0;
}

int Dispatch(cj_feed& feed, int milliseconds, const struct cj_callbacks* given) {
  cj_callbacks callbacks{};
  cj::Status copied = cj::library::CopySized(given, &callbacks, sizeof(callbacks), "callbacks");
  if (!copied) return Note(feed.following.error, copied.error());
  cj_buffer* buffer = nullptr;
  int result = Read(feed, milliseconds, &buffer);
  if (result < 0) return result;
  const auto count = static_cast<int>(buffer->records.size());
  feed.calling_back = true;
  const int stopped = CallBack(callbacks, *buffer);
  feed.calling_back = false;
  result = GiveBack(feed, buffer, stopped == 0);
  if (stopped != 0) return stopped;
  return result < 0 ? result : count;
}

// Runs what a function of a feed does.
template <typename Body>
int OnFeed(cj_feed* feed, const Body& body) noexcept {
  if (feed == nullptr) return -EINVAL;
  auto alone = [&] {
    if (!feed->calling_back) return body();
    return Note(feed->following.error, -EINPROGRESS, "a callback may not use its feed");
  };
  auto broken = [&] {
    feed->calling_back = false;
    feed->following.Drop();
    feed->acknowledging.Drop();
  };
  return Guarded(feed->following.error, alone, broken);
}

}  // namespace

int cj_feed_open(cj_connection* connection, const struct cj_question* question, cj_feed** feed) {
  return OnConnection(connection, [&](Channel& channel) {
    if (feed == nullptr) return MissingResult(channel);
    auto parameters = cj::library::QuestionParameters(question, cj::library::Asker::kFeed);
    if (!parameters) return Note(channel.error, parameters.error());
    auto opened = std::make_unique<cj_feed>(channel.path(), std::move(parameters).value());
    if (question->since_consumer != nullptr) opened->consumer = question->since_consumer;
    opened->timeout_ms = channel.timeout_ms();
    opened->following.TakeOver(channel);
    const int result = Begin(*opened);
    if (result < 0) {
      channel.error = opened->following.error;
      return result;
    }
    *feed = opened.release();
    return 0;
  });
}

int cj_feed_fd(cj_feed* feed) {
  return OnFeed(feed, [&] { return feed->following.Fd(); });
}

int cj_feed_read(cj_feed* feed, int milliseconds, cj_buffer** buffer) {
  return OnFeed(feed, [&] {
    return buffer == nullptr ? MissingResult(feed->following) : Read(*feed, milliseconds, buffer);
  });
}

int cj_feed_put(cj_feed* feed, cj_buffer* buffer) {
  return OnFeed(feed, [&] { return GiveBack(*feed, buffer, true); });
}

int cj_feed_drop(cj_feed* feed, cj_buffer* buffer) {
  return OnFeed(feed, [&] { return GiveBack(*feed, buffer, false); });
}

int cj_feed_acknowledge(cj_feed* feed) {
  return OnFeed(feed, [&] { return Acknowledge(*feed); });
}

int cj_feed_dispatch(cj_feed* feed, int milliseconds, const struct cj_callbacks* callbacks) {
  return OnFeed(feed, [&] { return Dispatch(*feed, milliseconds, callbacks); });
}

int cj_feed_position(const cj_feed* feed, const char** token, int64_t* sequence) {
  if (feed == nullptr) return -EINVAL;
  const FeedPosition& at = feed->held.handled();
  if (token != nullptr) *token = at.token.c_str();
  if (sequence != nullptr) *sequence = at.sequence;
  return 0;
}

const cj_error* cj_feed_last_error(const cj_feed* feed) {
  return feed == nullptr ? nullptr : &feed->following.error;
}

void cj_feed_close(cj_feed* feed) { delete feed; }

size_t cj_buffer_count(const cj_buffer* buffer) {
  return buffer == nullptr ? 0 : buffer->records.size();
}

const struct cj_record* cj_buffer_record(const cj_buffer* buffer, size_t index) {
  return index < cj_buffer_count(buffer) ? &buffer->records[index] : nullptr;
}

size_t cj_buffer_gap_count(const cj_buffer* buffer) {
  return buffer == nullptr ? 0 : buffer->gaps.size();
}

const struct cj_gap* cj_buffer_gap(const cj_buffer* buffer, size_t index) {
  return index < cj_buffer_gap_count(buffer) ? &buffer->gaps[index] : nullptr;
}

int cj_buffer_position(const cj_buffer* buffer, const char** token, int64_t* sequence) {
  if (buffer == nullptr) return -EINVAL;
  if (token != nullptr) *token = buffer->reply.position.token.c_str();
  if (sequence != nullptr) *sequence = buffer->reply.position.sequence;
  return 0;
}
