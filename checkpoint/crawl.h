// Crawls: what fills gaps. A thread of its own looks for gaps that are open, walks the watched
// trees for them (crawl_walk.h) and has what it found stored as records of the period that is open
// meanwhile; then the gaps are marked as filled. Why an answer over a filled gap is complete:
// docs/race-freedom.md.
//
// All methods may be called from any thread and return soon. A crawl is broken off by Stop(), and
// goes on where it was (crawl_note.h) in the next process.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/thread_annotations.h"
#include "checkpoint/crawl_batch.h"
#include "checkpoint/crawl_echo.h"
#include "checkpoint/crawl_plan.h"
#include "checkpoint/crawl_walk.h"
#include "journal/store.h"

namespace cj {

// Requests that wait at the same time; who asks for more is told to come again.
inline constexpr std::size_t kMaxCrawlRequests = 16;
// Ended requests whose outcome is remembered.
inline constexpr std::size_t kMaxCrawlOutcomes = 64;
// A crawl that failed, or was overtaken by a new gap, is begun again after the time that it took,
// and at most this.
inline constexpr std::int64_t kCrawlRetryUsec = 60'000'000;

struct CrawlOptions {
  std::int64_t margin_usec = kCrawlMarginUsec;
  CrawlLimits limits;
};

struct CrawlCounts {
  std::uint64_t directories = 0;
  std::uint64_t entries = 0;
  std::uint64_t changed = 0;
  std::uint64_t unreadable = 0;
};

struct CrawlStatus {
  bool running = false;
  std::int64_t start_usec = 0;     // when it began
  std::vector<std::string> paths;  // of this crawl
  CrawlCounts counts;              // so far
  std::uint64_t expected = 0;      // entries that its filesystems say they have; 0: unknown
  std::int64_t took_usec = 0;      // the last one, when it is not running
  std::uint64_t crawls = 0;        // completed since the start
  std::vector<std::pair<PeriodGap, std::string>> stuck;  // gaps that cannot be filled now, and why
};

class Crawler {
 public:
  struct Environment {
    Store* store = nullptr;                       // outlives the crawler
    Clock* clock = nullptr;                       // outlives the crawler
    std::function<Status(CrawlBatch)> record;     // blocks until it is stored
    std::function<std::vector<Watch>()> watches;  // as they are now
  };

  Crawler(Environment environment, const CrawlOptions& options);
  ~Crawler();
  Crawler(const Crawler&) = delete;
  Crawler& operator=(const Crawler&) = delete;

  void Start();
  void Stop() EXCLUDES(mutex_);

  // There may be gaps that can be filled: look.
  void Wake() EXCLUDES(mutex_);
  // The same after filesystems came or went: what stood in the way before may not any more, and
  // counts no longer.
  void PlacesChanged() EXCLUDES(mutex_);

  // What somebody asks for.
  struct Wanted {
    std::vector<std::string> paths;  // empty: all watches
    std::int64_t since_usec = 0;     // what has a change time from then on is told
    bool to_all = true;  // told by every answer; else by those that say so (AnswerRequest::crawled)
  };
  // kInvalidArgument: a path that is not watched. kBusy: too many wait.
  Result<std::uint64_t> Request(Wanted wanted) EXCLUDES(mutex_);
  struct Outcome {
    Status status;
    CrawlCounts counts;
    PeriodId first;            // the period that was open when it began
    PeriodId last;             // ... and when all of it had been stored
    std::uint64_t losses = 0;  // Store::losses() before it began
  };
  // nullopt: it waits, or is under way. kNotFound in the outcome: forgotten.
  std::optional<Outcome> OutcomeOf(std::uint64_t request) EXCLUDES(mutex_);

  CrawlStatus status() const EXCLUDES(mutex_);
  // Why this gap will not be filled soon, as of the last look; empty: it will, or nobody has looked
  // since PlacesChanged().
  std::string Obstacle(const PeriodGap& gap) const EXCLUDES(mutex_);

 private:
  struct Work {
    std::uint64_t id = 0;  // 0: for gaps
    Wanted wanted;
  };
  using Reasons = std::map<std::size_t, std::string>;  // part → why it was not walked

  void Run();
  bool AwaitWork(Work* work) EXCLUDES(mutex_);
  void FillGaps() EXCLUDES(mutex_);
  void Serve(const Work& work) EXCLUDES(mutex_);
  CrawlNote ReadNote() const;
  std::vector<PeriodInfo> WithGaps() const;
  Status Execute(const CrawlPlan& plan, bool for_gaps, Reasons* reasons) EXCLUDES(mutex_);
  Status Hand(CrawlBatch batch);
  Status StoreEcho(CrawlPlan* plan);
  Result<bool> ReadEcho(const PeriodGap& open, CrawlEcho* echo) const;
  Status Walk(const CrawlPlan& plan, const CrawlPart& part, CrawlNote* note);
  void Begin(const CrawlPlan& plan) EXCLUDES(mutex_);
  void SetStuck(const CrawlPlan& plan, const Reasons& reasons) EXCLUDES(mutex_);
  std::uint64_t places() const EXCLUDES(mutex_);

  const Environment environment_;
  const CrawlOptions options_;
  CrawlCounters counters_;
  std::atomic<bool> cancelled_ = false;
  std::thread thread_;
  std::int64_t begun_usec_ = 0;         // the thread's own: CLOCK_MONOTONIC
  std::uint64_t losses_ = 0;            // the thread's own: Store::losses() before it began
  std::uint64_t places_looked_at_ = 0;  // the thread's own: places_ when it last looked for gaps

  mutable Mutex mutex_;
  ConditionVariable changed_;
  bool awake_ GUARDED_BY(mutex_) = true;
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::int64_t rest_until_usec_ GUARDED_BY(mutex_) = 0;  // CLOCK_MONOTONIC: no gap before that
  std::uint64_t places_ GUARDED_BY(mutex_) = 0;          // grows with PlacesChanged()
  std::uint64_t stuck_places_ GUARDED_BY(mutex_) = 0;    // places_ that status_.stuck is about
  std::deque<Work> requests_ GUARDED_BY(mutex_);
  std::uint64_t last_request_ GUARDED_BY(mutex_) = 0;
  std::map<std::uint64_t, Outcome> outcomes_ GUARDED_BY(mutex_);
  CrawlStatus status_ GUARDED_BY(mutex_);  // without counts
};

}  // namespace cj
