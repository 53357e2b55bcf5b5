// The methods of org.changejournal on the Varlink server. Everything happens on the io_context's
// thread; what may block goes to the pool. The interface outlives the server's calls.
//
// Limits on what answers may cost are here, each with its reason; those on connections and messages
// are in service/varlink/limits.h.
#pragma once

#include <sys/types.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "service/access.h"
#include "service/answer_places.h"
#include "service/feed.h"
#include "service/journal_service.h"
#include "service/questions.h"
#include "service/turns.h"
#include "service/varlink/call.h"
#include "service/varlink/run_on.h"
#include "service/varlink/varlink_server.h"
#include "service/viewer_feeds.h"
#include "service/viewer_log.h"

namespace cj {

// What a user who may not see everything is told of it: nothing that names paths of others. Pure.
Error ForViewer(Error error);

struct AnswerLimit {
  AnswerPlacesLimit places;
  TurnsLimit turns;  // as many threads should the pool have, and those of viewer_turns
  // A reader of a pipe may stand still this long: rsync reads its list of files as it transfers. A
  // reader that has died is noticed at once.
  std::chrono::milliseconds pipe_stall = std::chrono::hours(1);
  // A follower who does not read for so long is dropped; the last reply that he has read says from
  // where he can go on.
  std::chrono::milliseconds follow_stall = std::chrono::seconds(60);
  // Records that `log` hands out at the most for a bounded question (-n), which it keeps in memory.
  std::int64_t log_lines = 100'000;
  // Of users who are neither root nor in the group: places of their own, so that they take none
  // from the others.
  AnswerPlacesLimit viewer_places = {4, 0, 2, std::chrono::seconds(60)};
  // Feeds of one of them at a time: a desktop has a handful. Each reads what everybody does.
  std::size_t feeds_per_viewer = 16;
  // Between two steps of such a feed: what it has told is recorded anew when it changes again.
  std::chrono::milliseconds viewer_feed_pause = std::chrono::milliseconds(100);
  // Pieces of work for them at a time, on threads of their own.
  TurnsLimit viewer_turns = {2, 1};
};

class JournalInterface {
 public:
  JournalInterface(boost::asio::io_context& io, boost::asio::thread_pool& pool,
                   JournalService& service, AccessControl access, AnswerLimit limit = {});

  // For VarlinkServer::AddInterface.
  static std::string Name() { return "org.changejournal"; }
  static std::string Idl();
  std::map<std::string, Method> Methods();

  // New records are in the store: wakes the followers.
  void RecordsStored();

  std::size_t answers() const { return places_.taken() + viewer_places_.taken(); }
  void SetConnectionCounter(std::function<std::size_t()> counter) {
    connections_ = std::move(counter);
  }

 private:
  using Awaitable = boost::asio::awaitable<void>;
  enum class For { kTrusted, kAll };
  Method Guarded(Awaitable (JournalInterface::*method)(Call&), bool more, For whom);
  Awaitable Refuse(Call& call);
  // viewer_calls.cc: calls of users who are neither root nor in the group.
  // As whom the caller sees; null: he may see everything.
  Result<std::shared_ptr<Viewer>> ViewerOf(const Call& call) const;
  std::shared_ptr<LogViewer> LogViewerOf(const Call& call, std::shared_ptr<Viewer> viewer) const;
  // False: the call has failed.
  boost::asio::awaitable<bool> AdmitQuestion(Call& call, Question* question);
  boost::asio::awaitable<bool> AdmitReader(Call& call, const ReadingPosition& reader,
                                           const std::vector<std::string>& paths,
                                           std::shared_ptr<Viewer>* viewer);
  Awaitable TellToken(Call& call);
  Awaitable FailFeed(Call& call);
  AnswerPlaces& PlacesOf(const Call& call);
  // Runs fn on the pool when it is the turn of the call's user; otherwise as RunOn().
  template <typename F>
  boost::asio::awaitable<std::invoke_result_t<F&>> Work(Call& call, F fn) {
    Turns& turns = access_.MayDoEverything(call.peer()) ? turns_ : viewer_turns_;
    const Turns::Turn turn = co_await turns.Take(call.peer().uid);
    co_return co_await RunOn(pool_, std::move(fn));
  }
  Awaitable GetStatus(Call& call);
  Awaitable Checkpoint(Call& call);
  Awaitable GetPeriods(Call& call);
  Awaitable Diagnose(Call& call);
  Awaitable Changes(Call& call);
  Awaitable ChangePaths(Call& call);
  Awaitable Crawl(Call& call);
  // Waits while a crawl fills a gap in the question's interval. False: the client is gone.
  // `afresh` as of LookForCrawl().
  boost::asio::awaitable<bool> AwaitCrawl(Call& call, const Question& question, bool afresh);
  // The answer that `open` opens; waits once more where a gap shows only then.
  boost::asio::awaitable<Result<OpenedAnswer>> OpenFilled(
      Call& call, const Question& question, std::function<Result<OpenedAnswer>()> open);
  Awaitable FollowCrawl(Call& call, std::function<CrawlStep()> look);
  Awaitable Explain(Call& call);
  Awaitable Log(Call& call);
  Awaitable SendAndFollow(Call& call, const LogParameters& parameters, LogQuestion question);
  // Sends what there is, and notes in *question which gaps were told and in *position, if anybody
  // goes on from there, where that is. False: the call is over.
  boost::asio::awaitable<bool> SendTail(Call& call, std::size_t lines, LogQuestion* question,
                                        FeedPosition* position);
  boost::asio::awaitable<bool> SendLog(Call& call, std::size_t lines, LogQuestion* question,
                                       FeedPosition* position);
  // `position`: null, or where whoever follows goes on behind what has been sent.
  boost::asio::awaitable<bool> SendEntries(Call& call, const LogQuestion& question,
                                           std::vector<LogEntry> entries, FeedPosition* position);
  Awaitable FollowLog(Call& call, LogQuestion question, FeedPosition position);
  class Following;
  Awaitable Follow(Call& call);
  struct FeedManner {
    std::chrono::microseconds settle{0};
    bool all_told = true;  // to root and the group; not to a viewer
  };
  Awaitable RunFeed(Call& call, Feed& feed, FeedManner manner, const Following& following);
  // One step of it. kBusy: try again later.
  boost::asio::awaitable<Result<FeedBatch>> ReadFeed(Call& call, Feed& feed, const FeedStep& step);
  // False: the client is gone.
  boost::asio::awaitable<bool> Tell(Call& call, FeedBatch batch, FeedPosition position);
  // Returns when nothing has been stored for so long, or when that takes too long.
  Awaitable Settle(std::chrono::microseconds quiet);
  Awaitable FailAnswer(Call& call, const Error& error);
  // The same where a reader's position cannot be read from.
  Awaitable FailReader(Call& call, const Error& error);
  // False: it cannot, and the call has failed.
  boost::asio::awaitable<bool> ResolveReader(Call& call, Question* question);
  void EndFollowing(const std::string& consumer);
  Awaitable FailConsumer(Call& call, const std::string& name, const Error& error,
                         const char* parameter);
  Awaitable AddConsumer(Call& call);
  Awaitable RemoveConsumer(Call& call);
  Awaitable ListConsumers(Call& call);
  Awaitable Acknowledge(Call& call);

  boost::asio::io_context& io_;
  boost::asio::thread_pool& pool_;
  JournalService& service_;
  AccessControl access_;
  AnswerLimit limit_;
  std::function<std::size_t()> connections_;
  AnswerPlaces places_;
  AnswerPlaces viewer_places_;
  ViewerFeeds viewer_feeds_;
  Turns turns_;
  Turns viewer_turns_;
  std::set<boost::asio::steady_timer*> followers_;
  std::map<std::string, std::shared_ptr<bool>> followed_;  // consumers; whether one was removed
};

}  // namespace cj
