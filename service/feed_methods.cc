// Follow: a feed over the socket. Each step reads anew, so that a reader who takes his time holds
// neither a snapshot of the store nor a place among the answers, and costs no memory: what he has
// not read yet is in the store.
#include <algorithm>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <nlohmann/json.hpp>
#include <optional>

#include "service/convert.h"
#include "service/feed.h"
#include "service/journal_interface.h"
#include "service/log_replies.h"
#include "service/questions.h"

namespace cj {
namespace {

using nlohmann::json;
namespace asio = boost::asio;
using SteadyClock = std::chrono::steady_clock;

// Entries of a step that has waited for a burst to end.
constexpr std::size_t kSettledBatch = 5000;
// How often a feed looks without being woken, and tells where it stands when it has skipped
// records.
constexpr std::chrono::seconds kTick{5};
// A burst that does not end is told all the same, after so many times the quiet that was asked for.
constexpr int kLongestBurst = 20;

// Cancelled or not.
asio::awaitable<void> Rest(asio::steady_timer& timer) {
  boost::system::error_code ignored;
  auto token = asio::redirect_error(asio::use_awaitable, ignored);
  co_await timer.async_wait(token);
}

json PositionToJson(const JournalService& service, const FeedPosition& position) {
  return {{"token", service.TokenOf(position.period)}, {"sequence", position.sequence.value}};
}

}  // namespace

// While it lives, nobody else follows from this consumer's position.
class JournalInterface::Following {
 public:
  Following(std::set<std::string>& followed, std::optional<std::string> consumer)
      : followed_(followed), consumer_(std::move(consumer)) {
    alone_ = !consumer_ || followed_.insert(*consumer_).second;
  }
  Following(const Following&) = delete;
  Following& operator=(const Following&) = delete;
  ~Following() {
    if (alone_ && consumer_) followed_.erase(*consumer_);
  }
  bool alone() const { return alone_; }

 private:
  std::set<std::string>& followed_;
  std::optional<std::string> consumer_;
  bool alone_;
};

JournalInterface::Awaitable JournalInterface::Follow(Call& call) {
  ParameterReader reader(call.parameters());
  FeedRequest request = ReadFeedRequest(reader);
  if (auto bad = reader.Finish()) {
    co_await call.InvalidParameter(*bad);
    co_return;
  }
  std::shared_ptr<Viewer> viewer;
  const bool admitted = co_await AdmitReader(call, request.reader, request.question.paths, &viewer);
  if (!admitted) co_return;
  const bool all_told = viewer == nullptr;
  const ViewerFeeds::Counted counted(viewer_feeds_, call.peer().uid, !all_told);
  if (counted.number() > limit_.feeds_per_viewer) {
    co_await FailFeed(call);
    co_return;
  }
  request.question.viewer = LogViewerOf(call, std::move(viewer));
  const Following following(followed_, request.reader.consumer);
  if (!following.alone()) {
    const Error busy{ErrorCode::kBusy, "somebody follows from the position of the consumer '" +
                                           *request.reader.consumer + "' already"};
    co_await call.Fail(busy);
    co_return;
  }
  const Status watched = all_told ? service_.CheckPaths(request.question.paths, nullptr) : Status();
  if (!watched.has_value()) {
    co_await call.Fail(watched.error(), "paths");
    co_return;
  }
  auto open = [&] { return Feed::Open(service_, request); };
  Result<Feed> feed = co_await Work(call, open);
  if (!feed.has_value()) {
    co_await FailReader(call, feed.error());
    co_return;
  }
  call.SetStallTimeout(limit_.follow_stall);
  co_await RunFeed(call, *feed, request.settle, all_told);
}

JournalInterface::Awaitable JournalInterface::RunFeed(Call& call, Feed& feed,
                                                      std::chrono::microseconds settle,
                                                      bool all_told) {
  asio::steady_timer stored(io_);
  asio::steady_timer pause(io_);
  auto forget = [this](asio::steady_timer* timer) { followers_.erase(timer); };
  followers_.insert(&stored);
  std::unique_ptr<asio::steady_timer, decltype(forget)> registered(&stored, forget);
  FeedStep step;
  if (settle.count() > 0) step.entries = kSettledBatch;
  step.without_repeats = settle.count() > 0;
  std::optional<FeedPosition> told;  // none: the first reply tells where the feed begins
  SteadyClock::time_point told_at;
  bool behind = false;  // what comes is not new: no burst is waited for
  for (;;) {
    const bool stands =
        !told || (feed.position() != *told && SteadyClock::now() - told_at >= kTick);
    if (stands) {
      told = feed.position();
      told_at = SteadyClock::now();
      json reply = {{"records", json::array()}, {"position", PositionToJson(service_, *told)}};
      const bool on = co_await call.ReplyContinues(reply);
      if (!on) co_return;
    }
    if (!feed.HasMore(service_)) {
      stored.expires_after(kTick);
      co_await Rest(stored);
      if (call.gone()) co_return;
      continue;
    }
    if (settle.count() > 0 && !behind) co_await Settle(settle);
    Result<FeedBatch> read = co_await ReadFeed(call, feed, step);
    if (!read.has_value() && read.error().code == ErrorCode::kBusy) {
      // No place, or the store is being opened again; nothing was told.
      stored.expires_after(kTick);
      co_await Rest(stored);
      if (call.gone()) co_return;
      continue;
    }
    if (!read.has_value()) {
      co_await FailReader(call, read.error());
      co_return;
    }
    behind = read->more;
    if (!all_told) HidePlaces(&read->entries);
    if (!read->entries.empty()) {
      const bool on = co_await Tell(call, *std::move(read), *told);
      if (!on) co_return;
      told = feed.position();
      told_at = SteadyClock::now();
    }
    if (!all_told && !behind) {
      pause.expires_after(limit_.viewer_feed_pause);
      co_await Rest(pause);
    }
  }
}

// Each reply with the position behind it; `position` is that before the batch.
boost::asio::awaitable<bool> JournalInterface::Tell(Call& call, FeedBatch batch,
                                                    FeedPosition position) {
  LogReplies replies(std::move(batch.entries), service_.object_ids());
  while (!replies.done()) {
    LogReply reply = replies.Next();
    if (reply.sequence.value != 0) position = {reply.period, reply.sequence};
    if (replies.done()) position = batch.position;
    reply.parameters["position"] = PositionToJson(service_, position);
    asio::awaitable<bool> sending = call.ReplyContinues(reply.parameters);
    reply.parameters = nullptr;  // its text is what waits for the reader
    const bool on = co_await std::move(sending);
    if (!on) co_return false;
  }
  co_return true;
}

// Holds a place among the answers while it reads, and no longer.
boost::asio::awaitable<Result<FeedBatch>> JournalInterface::ReadFeed(Call& call, Feed& feed,
                                                                     const FeedStep& step) {
  Result<AnswerPlaces::Place> place = co_await PlacesOf(call).Take(call.peer().uid);
  if (!place.has_value()) co_return std::move(place).error();
  auto next = [&] { return feed.Next(service_, step); };
  co_return co_await Work(call, next);
}

JournalInterface::Awaitable JournalInterface::Settle(std::chrono::microseconds quiet) {
  asio::steady_timer timer(io_);
  SequenceNumber seen = service_.next_sequence();
  for (int time = 0; time < kLongestBurst; ++time) {
    timer.expires_after(quiet);
    co_await Rest(timer);
    const SequenceNumber now = service_.next_sequence();
    if (now == seen) co_return;
    seen = now;
  }
}

}  // namespace cj
