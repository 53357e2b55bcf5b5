#include "checkpoint/engine.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include "base/keyed_hash.h"
#include "base/thread_annotations.h"
#include "checkpoint/alternation.h"
#include "checkpoint/closer.h"
#include "checkpoint/hot_files.h"
#include "checkpoint/inheritance.h"
#include "checkpoint/point_of_death.h"
#include "checkpoint/reader.h"
#include "checkpoint/rollup_thread.h"
#include "checkpoint/shared_rounds.h"
#include "checkpoint/spool.h"
#include "checkpoint/ticket.h"
#include "checkpoint/watched_text.h"
#include "checkpoint/writer.h"

namespace cj {
namespace {

// Two watches on one volume need one mark.
std::vector<VolumeMount> OnePerVolume(std::vector<VolumeMount> volumes) {
  std::vector<VolumeMount> distinct;
  for (VolumeMount& volume : volumes) {
    const bool known = std::any_of(distinct.begin(), distinct.end(),
                                   [&](const VolumeMount& other) { return other.id == volume.id; });
    if (!known) distinct.push_back(std::move(volume));
  }
  return distinct;
}

constexpr const char* kNotWatchedBefore = "it was not watched before, or in another way";

// Nobody was listening before the volumes were marked. A store that was just made has nothing to be
// sorry for: its first period was never open to anybody, and goes.
Status BeginFirstPeriod(Store& store, Clock& clock, std::uint64_t spool, const std::string& refused,
                        const std::string& watched) {
  const PeriodInfo before = store.OpenPeriod();
  const bool brand_new = before.id == PeriodId(1);
  std::int64_t now_usec = clock.RealtimeUsec();
  if (!brand_new) {
    const std::int64_t known_usec = store.spool_position().complete_usec;
    // A clock that was set back meanwhile leaves no time since when changes are unknown.
    const bool set_back = known_usec > now_usec;
    const std::int64_t from_usec = set_back ? 0 : known_usec;
    std::string cause = "the daemon was not running";
    if (set_back) cause += ", and the clock was set back meanwhile";
    if (!refused.empty()) cause += ", and what it had left behind is of no use: " + refused;
    CJ_RETURN_IF_ERROR(store.AddGap({"", from_usec, now_usec, cause}));
    CJ_ASSIGN_OR_RETURN(const std::string watched_before, store.Watched());
    for (const std::string& path : NewlyWatched(watched_before, watched)) {
      CJ_RETURN_IF_ERROR(store.AddGap({path, 0, now_usec, kNotWatchedBefore}));
    }
  }
  PeriodInfo sealed = store.OpenPeriod();
  sealed.end_usec = now_usec;
  PeriodInfo opened;
  opened.id = sealed.id.Next();
  opened.start_usec = now_usec;
  opened.first_sequence = store.next_sequence();
  Batch nothing;
  nothing.period = sealed.id;
  nothing.spool = SpoolPosition{spool, 0, now_usec};  // the volumes are marked, before is a gap
  // After the gaps, and before a period that says nothing was missed.
  CJ_RETURN_IF_ERROR(store.KeepWatched(watched));
  CJ_RETURN_IF_ERROR(store.Advance(nothing, sealed, opened));
  return brand_new ? store.DropPeriodsBefore(opened.id) : Status();
}

class ThreadedEngine : public Engine {
 public:
  ThreadedEngine(Kernel& kernel, Store& store, Scope& scope, Clock& clock,
                 const std::vector<VolumeMount>& volumes, const EngineOptions& options,
                 Inheritance& inheritance)
      : store_(store),
        clock_(clock),
        spool_(std::move(inheritance.spool), inheritance.left, inheritance.complete_usec),
        closer_(options.keeper),
        hot_(kernel),
        reader_(clock, spool_, closer_, hot_, options.reader),
        writer_(store, scope, clock, spool_, waiters_, hot_, volumes,
                {options.sync_interval_usec, RandomHashKey()}),
        alternation_({kernel, clock, reader_, writer_, waiters_, closer_, spool_, options.keeper,
                      options.watches},
                     volumes, options.unlimited_queue),
        watched_(options.watched),
        spool_kept_(inheritance.kept) {
    start_.inherited = !inheritance.groups.empty();
    start_.replayed = inheritance.left.size();
    start_.refused = inheritance.refused;
    if (options.processes != nullptr) {
      attribution_.emplace(*options.processes, clock);
      writer_.SetAttribution(&*attribution_);
    }
  }

  ~ThreadedEngine() override { (void)Stop().has_value(); }

  // Before Begin() and GoOn(), when some volume is in strict mode.
  Status StartStrict(Kernel& kernel, UniqueFd kept_ring, const EngineOptions& options)
      EXCLUDES(turn_);
  Status Begin() EXCLUDES(turn_);
  Status GoOn(Inheritance& inheritance) EXCLUDES(turn_);
  Status BeginStrict() EXCLUDES(turn_);
  void StartThreads();

  Result<CheckpointResult> Checkpoint(const std::string& label) override;
  Status Flush() override;
  Status Drain() override;
  Status StoreCrawled(CrawlBatch batch) override;
  void MountsChanged() override { spool_.Hold(clock_.RealtimeUsec()); }
  bool LookIsDue() const override { return spool_.held(); }
  void SetAppendListener(std::function<void(SequenceNumber)> listener) override {
    writer_.SetListener(std::move(listener));
  }
  bool Alive() override;
  void Told() override { hot_.Told(); }
  EngineCounters counters() const override;
  const EngineStart& start() const override { return start_; }
  Status Stop() override;

 private:
  Status DrainOnce() EXCLUDES(turn_);
  Status FlushOnce() EXCLUDES(turn_);
  void NoteKept() REQUIRES(turn_);
  void EndThreads() REQUIRES(turn_);

  Store& store_;
  Clock& clock_;
  EngineStart start_;
  Spool spool_;
  Waiters waiters_;
  Closer closer_;
  HotFiles hot_;
  Reader reader_;
  std::optional<Attribution> attribution_;
  Writer writer_;
  std::unique_ptr<StrictMode> strict_;  // may be null
  SharedRounds flushes_;
  SharedRounds drains_;
  std::atomic<std::uint64_t> checkpoints_ = 0;

  // One checkpoint or flush at a time.
  Mutex turn_;
  Alternation alternation_ GUARDED_BY(turn_);
  const std::string watched_;
  const bool spool_kept_;
  std::atomic<bool> survives_kill_ = false;
  bool stopped_ GUARDED_BY(turn_) = false;
  Status stop_status_ GUARDED_BY(turn_);

  // Of the last Alive(). Both threads begin with a beat.
  std::uint64_t reader_seen_ = 0;
  std::uint64_t writer_seen_ = 0;

  std::thread reader_thread_;
  std::thread writer_thread_;
  std::unique_ptr<RollupThread> rollups_;  // while the others run
};

Status ThreadedEngine::StartStrict(Kernel& kernel, UniqueFd kept_ring,
                                   const EngineOptions& options) {
  bool kept = false;
  CJ_ASSIGN_OR_RETURN(IntentRing ring, InheritRing(store_.journal_id(), std::move(kept_ring),
                                                   options.keeper, &kept));
  strict_ = std::make_unique<StrictMode>(kernel, clock_, closer_, std::move(ring), kept,
                                         options.strict, [this] { spool_.Wake(); });
  writer_.SetIntents(&strict_->intake());
  CJ_RETURN_IF_ERROR(strict_->OpenNext());
  MutexLock lock(turn_);
  alternation_.SetStrict(strict_.get());
  return {};
}

Status ThreadedEngine::BeginStrict() {
  if (strict_ == nullptr) return {};
  MutexLock lock(turn_);
  return alternation_.BeginStrict();
}

Status ThreadedEngine::Begin() {
  {
    MutexLock lock(turn_);
    CJ_RETURN_IF_ERROR(alternation_.OpenFirst());
    PointOfDeath("opened");
    CJ_RETURN_IF_ERROR(BeginFirstPeriod(store_, clock_, spool_.id(), start_.refused, watched_));
    PointOfDeath("begun");
    alternation_.BeginFirst(store_.OpenPeriod().id);
    NoteKept();
  }
  StartThreads();
  return BeginStrict();
}

// What lost its mark meanwhile is found by the first flush or checkpoint. When it did, nobody
// knows: it may have been before the last record of another volume.
Status ThreadedEngine::GoOn(Inheritance& inheritance) {
  const PeriodInfo open = store_.OpenPeriod();
  {
    MutexLock lock(turn_);
    CJ_RETURN_IF_ERROR(alternation_.OpenInherited(open.id, std::move(inheritance.groups),
                                                  inheritance.next_serial, open.start_usec));
    CJ_RETURN_IF_ERROR(store_.KeepWatched(watched_));  // the same, if it was said before
    NoteKept();
  }
  // Until the first look has found what lost its mark.
  spool_.Hold(inheritance.complete_usec);
  StartThreads();
  return BeginStrict();
}

// Who is killed now leaves everything behind that the next process needs.
void ThreadedEngine::NoteKept() { survives_kill_ = spool_kept_ && alternation_.kept(); }

void ThreadedEngine::StartThreads() {
  writer_.Begin(start_.inherited);
  writer_thread_ = std::thread([this] {
    while (writer_.Step()) {
    }
  });
  reader_thread_ = std::thread([this] {
    while (reader_.Step()) {
    }
  });
  rollups_ = std::make_unique<RollupThread>(store_);
}

Result<CheckpointResult> ThreadedEngine::Checkpoint(const std::string& label) {
  MutexLock lock(turn_);
  if (stopped_) return Error{ErrorCode::kCancelled, "the journal is shutting down"};
  auto result = alternation_.Run(label);
  NoteKept();
  if (!result) {
    return WithContext(std::move(result).error(),
                       "no checkpoint was made, the open period goes on");
  }
  checkpoints_.fetch_add(1, std::memory_order_relaxed);
  rollups_->Wake();
  return result;
}

Status ThreadedEngine::FlushOnce() {
  MutexLock lock(turn_);
  if (stopped_) return Error{ErrorCode::kCancelled, "the journal is shutting down"};
  return alternation_.Flush();
}

Status ThreadedEngine::Flush() {
  return flushes_.Join([this] { return FlushOnce(); });
}

// A checkpoint under way may have turned to the next group already, which the reader reads only
// when it has sealed: it is waited for. One that begins later drains the open group to its end.
Status ThreadedEngine::DrainOnce() {
  {
    MutexLock lock(turn_);
    if (stopped_) return Error{ErrorCode::kCancelled, "the journal is shutting down"};
  }
  auto marker = std::make_shared<Marker>();
  marker->ticket = waiters_.NewTicket();
  writer_.Kick();
  reader_.DrainAndMark(marker);
  return marker->ticket->Wait();
}

Status ThreadedEngine::Drain() {
  return drains_.Join([this] { return DrainOnce(); });
}

// Not in turn with checkpoints: it may fall on either side of one.
Status ThreadedEngine::StoreCrawled(CrawlBatch batch) {
  auto marker = std::make_shared<Marker>();
  marker->crawl = std::move(batch);
  marker->ticket = waiters_.NewTicket();
  writer_.Kick();
  reader_.DrainAndMark(marker);
  return marker->ticket->Wait();
}

bool ThreadedEngine::Alive() {
  const std::uint64_t reader = reader_.beats();
  const std::uint64_t writer = writer_.beats();
  const std::int64_t store_since_usec = writer_.store_since_usec();
  const bool store_is_slow =
      store_since_usec != 0 && clock_.MonotonicUsec() - store_since_usec < kStorePatienceUsec;
  const bool alive =
      (reader != reader_seen_ || spool_.full()) && (writer != writer_seen_ || store_is_slow);
  reader_seen_ = reader;
  writer_seen_ = writer;
  reader_.Nudge();
  spool_.Wake();
  if (strict_ == nullptr) return alive;
  return strict_->Alive() && alive;
}

EngineCounters ThreadedEngine::counters() const {
  WriterCounters writer = writer_.counters();
  EngineCounters counters;
  counters.events_read = reader_.events_read();
  counters.drains = reader_.drains();
  counters.records_stored = writer.records_stored;
  counters.appends = writer.appends;
  counters.out_of_scope = writer.translation.out_of_scope;
  counters.duplicates = writer.translation.duplicates;
  counters.overflows = writer.translation.overflows;
  counters.ignored = hot_.made();
  counters.checkpoints = checkpoints_.load(std::memory_order_relaxed);
  counters.spool = spool_.use();
  counters.survives_kill = survives_kill_;
  if (strict_ != nullptr) {
    counters.strict = strict_->counters();
    counters.hasty_since_usec = strict_->hasty_since_usec();
  }
  counters.storage_error = std::move(writer.storage_error);
  return counters;
}

Status ThreadedEngine::Stop() {
  MutexLock lock(turn_);
  if (stopped_) return stop_status_;
  stopped_ = true;
  // Nobody answers from now on: nothing may be marked any more, whatever the last look finds.
  if (strict_ != nullptr) strict_->Stop();
  alternation_.SetStrict(nullptr);
  if (!reader_thread_.joinable()) return {};  // it never started
  stop_status_ = alternation_.Flush();
  EndThreads();
  if (stop_status_) stop_status_ = writer_.final_status();
  return stop_status_;
}

void ThreadedEngine::EndThreads() {
  rollups_.reset();
  spool_.Close();
  writer_.Kick();
  reader_.Stop();
  reader_thread_.join();
  writer_thread_.join();
  waiters_.Close(Error{ErrorCode::kCancelled, "the journal is shutting down"});
}

}  // namespace

Result<std::unique_ptr<Engine>> StartEngine(Kernel& kernel, Store& store, Scope& scope,
                                            Clock& clock, std::vector<VolumeMount> volumes,
                                            const EngineOptions& options,
                                            std::vector<KeptDescriptor> kept) {
  if (volumes.empty() && options.watches == nullptr) {
    return Error{ErrorCode::kInvalidArgument, "there is nothing to watch: name a directory"};
  }
  UniqueFd kept_ring;
  for (KeptDescriptor& each : kept) {
    if (each.name == kIntentRingName) kept_ring = std::move(each.fd);
  }
  std::erase_if(kept, [](const KeptDescriptor& each) { return each.name == kIntentRingName; });
  CJ_ASSIGN_OR_RETURN(Inheritance inheritance, Inherit(kernel, store, clock, options.watched,
                                                       std::move(kept), options.keeper));
  auto engine = std::make_unique<ThreadedEngine>(
      kernel, store, scope, clock, OnePerVolume(std::move(volumes)), options, inheritance);
  if (options.strict.wanted) {
    CJ_RETURN_IF_ERROR(engine->StartStrict(kernel, std::move(kept_ring), options));
  } else if (kept_ring.valid() && options.keeper != nullptr) {
    options.keeper->Forget(kIntentRingName);
  }
  CJ_RETURN_IF_ERROR(inheritance.groups.empty() ? engine->Begin() : engine->GoOn(inheritance));
  return std::unique_ptr<Engine>(std::move(engine));
}

}  // namespace cj
