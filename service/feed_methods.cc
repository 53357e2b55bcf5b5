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

}  // namespace

// While it lives, nobody else follows from this consumer's position, unless the consumer is
// removed: one that is added under its name is another.
class JournalInterface::Following {
 public:
  Following(std::map<std::string, std::shared_ptr<bool>>& followed,
            std::optional<std::string> consumer)
      : followed_(followed), consumer_(std::move(consumer)) {
    if (consumer_) alone_ = followed_.emplace(*consumer_, removed_).second;
  }
  Following(const Following&) = delete;
  Following& operator=(const Following&) = delete;
  ~Following() {
    if (alone_ && consumer_ && !*removed_) followed_.erase(*consumer_);
  }
  bool alone() const { return alone_; }
  // The consumer that was removed meanwhile.
  std::optional<std::string> removed() const { return *removed_ ? consumer_ : std::nullopt; }

 private:
  std::map<std::string, std::shared_ptr<bool>>& followed_;
  std::optional<std::string> consumer_;
  std::shared_ptr<bool> removed_ = std::make_shared<bool>(false);
  bool alone_ = true;
};

// Whoever follows from the consumer's position hears that there is none any more.
void JournalInterface::EndFollowing(const std::string& consumer) {
  const auto found = followed_.find(consumer);
  if (found == followed_.end()) return;
  *found->second = true;
  followed_.erase(found);
  RecordsStored();
}

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
  const FeedManner manner{request.settle, all_told};
  co_await RunFeed(call, *feed, manner, following);
}

// A log that goes on: a feed that tells of no more than the log does.
JournalInterface::Awaitable JournalInterface::FollowLog(Call& call, LogQuestion question,
                                                        FeedPosition position) {
  call.SetStallTimeout(limit_.follow_stall);
  const FeedManner manner{{}, question.viewer == nullptr};
  const Following following(followed_, std::nullopt);
  Feed feed = Feed::GoOn(std::move(question), position);
  co_await RunFeed(call, feed, manner, following);
}

JournalInterface::Awaitable JournalInterface::RunFeed(Call& call, Feed& feed, FeedManner manner,
                                                      const Following& following) {
  asio::steady_timer stored(io_);
  asio::steady_timer pause(io_);
  auto forget = [this](asio::steady_timer* timer) { followers_.erase(timer); };
  followers_.insert(&stored);
  std::unique_ptr<asio::steady_timer, decltype(forget)> registered(&stored, forget);
  FeedStep step;
  if (manner.settle.count() > 0) step.entries = kSettledBatch;
  step.without_repeats = manner.settle.count() > 0;
  std::optional<FeedPosition> told;  // none: the first reply tells where the feed begins
  SteadyClock::time_point told_at;
  bool behind = false;  // what comes is not new: no burst is waited for
  for (;;) {
    if (const auto consumer = following.removed()) {
      const Error gone{ErrorCode::kNotFound, "the consumer '" + *consumer + "' was removed"};
      co_await FailConsumer(call, *consumer, gone, "since");
      co_return;
    }
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
    if (manner.settle.count() > 0 && !behind) co_await Settle(manner.settle);
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
    if (!manner.all_told) HidePlaces(&read->entries);
    if (!read->entries.empty()) {
      const bool on = co_await Tell(call, *std::move(read), *told);
      if (!on) co_return;
      told = feed.position();
      told_at = SteadyClock::now();
    }
    if (!manner.all_told && !behind) {
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
  std::uint64_t seen = service_.changes_seen();
  for (int time = 0; time < kLongestBurst; ++time) {
    timer.expires_after(quiet);
    co_await Rest(timer);
    const std::uint64_t now = service_.changes_seen();
    if (now == seen) co_return;
    seen = now;
  }
}

}  // namespace cj
