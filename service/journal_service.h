// The journal as the daemon offers it: what the Varlink methods call, without JSON and sockets.
//
// Every method may be called from any thread at any time between Start() and Stop(), and may block
// on the kernel or the disk for some tens of milliseconds (OpenAnswer: for as long as the
// interval's records take to fold): never call them from the thread that serves the socket.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "checkpoint/crawl.h"
#include "checkpoint/engine.h"
#include "checkpoint/processes.h"
#include "fanotify/capabilities.h"
#include "journal/answer.h"
#include "journal/directory_scope.h"
#include "journal/link_memory.h"
#include "journal/position.h"
#include "journal/retention.h"
#include "journal/settled_files.h"
#include "journal/store.h"
#include "journal/viewer.h"
#include "service/config/config.h"
#include "service/consumers.h"
#include "service/history_crawls.h"
#include "service/log_reader.h"
#include "service/object_ids.h"
#include "service/recent_rates.h"
#include "service/watch_binder.h"

namespace cj {

struct Question {
  ReadingPosition reader;  // as it was asked; Resolve() makes `since` of it
  Position since;
  std::optional<Position> until;
  std::vector<std::string> paths;  // absolute
  // Without `until`: end the interval with a new checkpoint; of a viewer: if one may be made now.
  bool checkpoint = true;
  std::string label;
  std::uint8_t classes = 0;
  Presence presence = Presence::kAll;
  bool expand = false;
  bool list = false;         // asked for as plain paths
  bool known_first = false;  // AnswerRequest::known_first
  bool inspects = false;     // nobody scans trees because of a refusal
  bool wait = true;  // for a crawl that is about to fill a gap in the interval: see LookForCrawl()
  bool progress = false;  // tell about it while waiting
  std::function<bool()> cancelled;
  // Who hears only of what he could list; null: somebody who may hear of everything.
  std::shared_ptr<Viewer> viewer;
};

struct OpenedAnswer {
  std::unique_ptr<Answer> answer;
  std::string since;  // tokens
  std::string next;
  bool excludes = false;  // MayExcludeBelow() what was asked
};

struct ServiceStatus {
  std::string journal;  // id, 8 hex digits
  std::string state_directory;
  std::uint64_t store_bytes = 0;
  std::vector<PeriodInfo> periods;
  SequenceNumber next_sequence;
  std::vector<Watch> watches;
  std::vector<WatchConfig> settings;  // of the watches, in their order
  std::vector<VolumeMount> volumes;
  EngineCounters counters;
  EngineStart start;
  std::int64_t start_usec = 0;
  std::int64_t lag_usec = 0;     // age of the oldest event that is read and not stored
  std::int64_t uptime_usec = 0;  // by a clock that nobody sets
  RecentRates::Rates rates;
  CrawlStatus crawl;
  ConsumerList consumers;
};

struct Diagnosis {
  std::string subject;  // "kernel", or a watched path
  Finding finding;
};

// How far a crawl is that was asked for.
struct CrawlStep {
  bool done = false;
  Status status;  // why it failed
  CrawlStatus crawl;
};

// What a process before this one left behind, and who keeps what this one leaves.
struct Legacy {
  std::vector<KeptDescriptor> kept;
  DescriptorKeeper* keeper = nullptr;  // outlives the service; null: a crash is a gap
};

class JournalService {
 public:
  // Between two checkpoints that are made for viewers, and from any other to one: each costs a
  // sync.
  static constexpr std::int64_t kViewerCheckpointUsec = 1'000'000;

  // Opens the store, finds and marks the volumes, starts the engine. Messages say which setting is
  // at fault.
  static Result<std::unique_ptr<JournalService>> Start(const Config& config, Kernel& kernel,
                                                       Clock& clock, Legacy legacy = {});
  ~JournalService();

  struct Started {
    std::string token;
    std::vector<Watch> absent;  // trees that were not there
  };
  Result<Started> Checkpoint(const std::string& label);
  // For a viewer: where he can begin to ask; with a checkpoint, if one may be made for him now.
  Result<Started> TokenToStart(bool checkpoint, Viewer& viewer);
  // Adds a consumer that begins with a checkpoint of its own, or where it says.
  Result<Started> AddConsumer(const NewConsumer& request);
  Consumers& consumers() { return *consumers_; }
  // The watches whose trees the viewer may search for; all of them without one. `barred`, where it
  // is not null: the directories that he gets to on the way to the others, and no further.
  std::vector<Watch> WatchesOf(Viewer* viewer, std::vector<std::string>* barred = nullptr) const;
  // kInvalidArgument: one of the paths is under no watch, or excluded. kPermissionDenied: there is
  // no watch that the viewer may know of.
  Status CheckPaths(const std::vector<std::string>& paths, Viewer* viewer) const;
  struct ReaderPlace {
    std::optional<Position> since;   // none: the reader says nothing
    std::vector<std::string> paths;  // of a consumer
    SequenceNumber handled;          // likewise: records that it has acknowledged
  };
  // Where the reader stands. Does not block. Errors as of Consumers::Resolve().
  Result<ReaderPlace> Resolve(const ReadingPosition& reader) const;
  // Refuses an interval with a gap that nothing has filled; who wants to wait asks LookForCrawl()
  // until there is nothing to wait for.
  Result<OpenedAnswer> OpenAnswer(const Question& question);

  // Whether the question's interval has a gap that a crawl is filling, or is about to fill. Returns
  // soon. A crawl that is made for this question alone begins with the first look; when it has
  // failed, that is an obstacle, and with `afresh` it is tried again.
  struct CrawlLook {
    bool wait = false;
    std::string obstacle;  // else, if there is such a gap: why it is not filled
    CrawlStatus crawl;
  };
  CrawlLook LookForCrawl(const Question& question, bool afresh = false);
  // Asks for a crawl of these paths: what has changed since the oldest kept checkpoint is told
  // again, whoever changed it. Empty: of nothing but the gaps that are open. A number for
  // LookAtCrawl().
  Result<std::uint64_t> RequestCrawl(const std::vector<std::string>& paths);
  CrawlStep LookAtCrawl(std::uint64_t request);
  CrawlStatus crawl() const { return crawler_->status(); }
  Result<std::unique_ptr<LogReader>> OpenLog(const LogQuestion& question);
  std::vector<Watch> Watches() const { return binder_->binding()->watches; }
  ServiceStatus GetStatus();
  std::vector<Diagnosis> Diagnose();
  std::string TokenOf(PeriodId period) const;
  const ObjectIds& object_ids() const { return *object_ids_; }
  // What one answer may cost, from the next OpenAnswer() on. Not thread-safe: before the first one.
  void SetAnswerLimits(const AnswerLimits& limits) { answer_limits_ = limits; }
  // Before somebody is told to scan the trees anew, and to go on from RescanToken(): looks where
  // the watches lead, so that the end of what he finds mounted is a gap, and leaves the open one
  // behind.
  void BeginRescan();
  std::string RescanToken() const;

  // Makes a checkpoint if the open period is older than `max_age_usec` and has records, and drops
  // what the configuration's limits say. Call it now and then.
  struct Upkeep {
    bool checkpoint_made = false;
    PeriodId oldest;
    bool dropped = false;
    std::vector<Consumer> expired;
    Status status;  // what else there is to tell is true all the same
  };
  Upkeep Maintain(std::int64_t max_age_usec);
  // Bytes that the journal may take; 0: no limit.
  std::uint64_t MaxUse() const;

  // Rolls up what has ended, which is else done when there is time.
  Status RollUp();

  // `listener` is called on the writer's thread after every append; it must not block.
  void SetAppendListener(std::function<void(SequenceNumber)> listener);
  PeriodId OpenPeriodId() const { return store_->OpenPeriod().id; }
  PeriodInfo OldestPeriod() const { return store_->OldestPeriod(); }
  std::optional<PeriodInfo> FindPeriod(PeriodId id) const { return store_->FindPeriod(id); }
  Result<PeriodId> Find(const Position& position) const {
    return FindPosition(position, End::kSince, *store_);
  }
  // See Engine::Told().
  void RecordsTold() { engine_->Told(); }
  // Stores what the kernel has queued.
  Status Flush() { return engine_->Flush(); }
  SequenceNumber next_sequence() const { return store_->next_sequence(); }
  // Grows with every change under a watch, also with those that repeat a record.
  std::uint64_t changes_seen() const { return next_sequence().value + counters().duplicates; }
  // Grows whenever a gap comes, or is filled.
  std::uint64_t gap_changes() const { return store_->gap_changes(); }
  EngineCounters counters() const { return engine_->counters(); }
  // Mounts have changed: CheckMounts() will be called. Does not block.
  void MountsChanged() { engine_->MountsChanged(); }
  // Looks whether the watched filesystems are still there, and marked.
  Status CheckMounts();
  std::vector<PeriodInfo> Periods() const { return store_->Periods(); }
  std::vector<PeriodInfo> PeriodsWithGaps(PeriodId from) const {
    return store_->PeriodsWithGaps(from, kNoPeriod);
  }
  // The first one that this start may have given a gap.
  PeriodId PeriodsOfThisStart() const;
  const std::string& state_directory() const { return config_.state_directory; }
  // For the watchdog: see Engine::Alive().
  bool Alive() { return engine_->Alive(); }
  const EngineStart& engine_start() const { return engine_->start(); }

  Status Stop();

 private:
  JournalService(Config config, Clock& clock) : config_(std::move(config)), clock_(clock) {}
  void EndGap();
  bool TakeViewerCheckpoint();
  void StartCrawler();
  std::optional<CrawlLook> LookForHistory(const Question& question, bool afresh);
  bool IsKept(const Crawler::Outcome& outcome) const;
  std::optional<Crawler::Outcome> CompleteHistory(const HistoryCrawls::Key& key);
  Error WithoutHistory(const Question& question, Error error);
  std::optional<PeriodGap> OpenGapSince(PeriodId from, const Question& question) const;
  Result<PeriodId> FindStart(const Question& question, AnswerRequest* request);
  Error WithObstacle(const Question& question, PeriodId from, Error error);

  Config config_;
  Clock& clock_;
  std::int64_t start_usec_ = 0;
  std::int64_t start_monotonic_usec_ = 0;
  RecentRates rates_;
  std::unique_ptr<Store> store_;
  std::optional<ObjectIds> object_ids_;  // since Start()
  std::unique_ptr<Consumers> consumers_;
  std::unique_ptr<WatchBinder> binder_;
  LinkMemory link_memory_;  // outlives scope_
  SettledFiles settled_files_;
  // Some answer has a second thread: one at a time, so that answers leave processors to others.
  std::atomic<bool> answer_helped_{false};
  std::unique_ptr<DirectoryScope> scope_;
  std::unique_ptr<DirectoryScope> strict_scope_;
  std::unique_ptr<ProcessReader> processes_;  // null: nobody asks who did it
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Crawler> crawler_;
  HistoryCrawls history_;
  AnswerLimits answer_limits_;
  std::atomic<std::int64_t> viewer_checkpoint_usec_{0};  // when one was made for a viewer
};

}  // namespace cj
