#include "checkpoint/engine.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>

#include "base/thread_annotations.h"
#include "checkpoint/alternation.h"
#include "checkpoint/closer.h"
#include "checkpoint/keyed_hash.h"
#include "checkpoint/reader.h"
#include "checkpoint/shared_rounds.h"
#include "checkpoint/spool.h"
#include "checkpoint/ticket.h"
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

// When the journal was last known to be complete: the last record that it stored (records are
// stored in order), or else the start of the period.
Result<std::int64_t> LastKnownUsec(const Store& store, const PeriodInfo& open) {
  CJ_ASSIGN_OR_RETURN(auto cursor,
                      store.Scan({open.id, open.id.Next(), SequenceNumber(), /*reverse=*/true}));
  Record last;
  CJ_ASSIGN_OR_RETURN(const bool found, cursor->Next(&last));
  return found ? std::max(last.time_usec, open.start_usec) : open.start_usec;
}

// Nobody was listening before the volumes were marked. A store that was just made has nothing to be
// sorry for: its first period was never open to anybody, and goes.
Status BeginFirstPeriod(Store& store, Clock& clock) {
  const PeriodInfo before = store.Periods().back();
  const bool brand_new = before.id == PeriodId(1);
  std::int64_t now_usec = clock.RealtimeUsec();
  if (!brand_new) {
    CJ_ASSIGN_OR_RETURN(const std::int64_t known_usec, LastKnownUsec(store, before));
    const std::int64_t from_usec = std::min(known_usec, now_usec);
    CJ_RETURN_IF_ERROR(store.AddGap({"", from_usec, now_usec, "the daemon was not running"}));
  }
  PeriodInfo sealed = store.Periods().back();
  sealed.end_usec = now_usec;
  PeriodInfo opened;
  opened.id = sealed.id.Next();
  opened.start_usec = now_usec;
  opened.first_sequence = store.next_sequence();
  Batch nothing;
  nothing.period = sealed.id;
  CJ_RETURN_IF_ERROR(store.Advance(nothing, sealed, opened));
  return brand_new ? store.DropPeriodsBefore(opened.id) : Status();
}

class ThreadedEngine : public Engine {
 public:
  ThreadedEngine(Kernel& kernel, Store& store, Scope& scope, Clock& clock,
                 const std::vector<VolumeMount>& volumes, const EngineOptions& options)
      : reader_(clock, spool_, closer_, options.drain_interval_usec),
        writer_(store, scope, clock, spool_, waiters_, volumes,
                {options.sync_interval_usec, RandomHashKey()}),
        alternation_({kernel, clock, reader_, writer_, waiters_, closer_}, volumes,
                     options.unlimited_queue) {}

  ~ThreadedEngine() override { (void)Stop().has_value(); }

  Status MarkVolumes() EXCLUDES(turn_) {
    MutexLock lock(turn_);
    return alternation_.OpenFirst();
  }
  void StartThreads();

  Result<CheckpointResult> Checkpoint(const std::string& label) override;
  Status Flush() override;
  void SetAppendListener(std::function<void(SequenceNumber)> listener) override {
    writer_.SetListener(std::move(listener));
  }
  EngineCounters counters() const override;
  Status Stop() override;

 private:
  Status FlushOnce() EXCLUDES(turn_);
  void EndThreads() REQUIRES(turn_);

  Spool spool_;
  Waiters waiters_;
  Closer closer_;
  Reader reader_;
  Writer writer_;
  SharedRounds flushes_;
  std::atomic<std::uint64_t> checkpoints_ = 0;

  // One checkpoint or flush at a time.
  Mutex turn_;
  Alternation alternation_ GUARDED_BY(turn_);
  bool stopped_ GUARDED_BY(turn_) = false;
  Status stop_status_ GUARDED_BY(turn_);

  std::thread reader_thread_;
  std::thread writer_thread_;
};

void ThreadedEngine::StartThreads() {
  writer_.Begin();
  writer_thread_ = std::thread([this] {
    while (writer_.Step()) {
    }
  });
  reader_thread_ = std::thread([this] {
    while (reader_.Step()) {
    }
  });
}

Result<CheckpointResult> ThreadedEngine::Checkpoint(const std::string& label) {
  MutexLock lock(turn_);
  if (stopped_) return Error{ErrorCode::kCancelled, "the journal is shutting down"};
  auto result = alternation_.Run(label);
  if (!result) {
    return WithContext(std::move(result).error(),
                       "no checkpoint was made, the open period goes on");
  }
  checkpoints_.fetch_add(1, std::memory_order_relaxed);
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
  counters.checkpoints = checkpoints_.load(std::memory_order_relaxed);
  counters.storage_error = std::move(writer.storage_error);
  return counters;
}

Status ThreadedEngine::Stop() {
  MutexLock lock(turn_);
  if (stopped_) return stop_status_;
  stopped_ = true;
  if (!reader_thread_.joinable()) return {};  // it never started
  stop_status_ = alternation_.Flush();
  EndThreads();
  if (stop_status_) stop_status_ = writer_.final_status();
  return stop_status_;
}

void ThreadedEngine::EndThreads() {
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
                                            const EngineOptions& options) {
  if (volumes.empty()) {
    return Error{ErrorCode::kInvalidArgument, "there is nothing to watch: name a directory"};
  }
  auto engine = std::make_unique<ThreadedEngine>(kernel, store, scope, clock,
                                                 OnePerVolume(std::move(volumes)), options);
  CJ_RETURN_IF_ERROR(engine->MarkVolumes());
  CJ_RETURN_IF_ERROR(BeginFirstPeriod(store, clock));
  engine->StartThreads();
  return std::unique_ptr<Engine>(std::move(engine));
}

}  // namespace cj
