#include "checkpoint/writer.h"

#include <algorithm>
#include <utility>

#include "checkpoint/events_ahead.h"
#include "checkpoint/in_store.h"

namespace cj {
namespace {

std::size_t RowsIn(const Batch& batch) {
  return batch.records.size() + batch.dead_directories.size() + batch.link_names.size();
}

}  // namespace

Writer::Writer(Store& store, Scope& scope, Clock& clock, Spool& spool, Waiters& waiters,
               HotFiles& hot, std::span<const VolumeMount> volumes, const WriterOptions& options)
    : store_(store),
      scope_(scope),
      clock_(clock),
      spool_(spool),
      waiters_(waiters),
      hot_(hot),
      sync_interval_usec_(options.sync_interval_usec),
      translator_(scope, volumes, options.key),
      position_{spool.id(), 0, 0} {
  hot_.AddVolumes(volumes);
}

void Writer::Begin(bool inherited) {
  period_ = store_.OpenPeriod().id;
  if (store_.spool_position().spool == spool_.id()) position_ = store_.spool_position();
  if (inherited) translator_.ExpectLostLinks();
  if (attribution_ != nullptr) attribution_->Begin();
  translator_.Begin(period_, store_.next_sequence());
}

bool Writer::Step() {
  Beat();
  std::int64_t timeout_usec = -1;
  if (unsynced_) {
    timeout_usec = std::max<std::int64_t>(sync_due_usec_ - clock_.MonotonicUsec(), 0);
  }
  if (intents_ != nullptr && intents_->many()) timeout_usec = 0;
  const std::optional<SpoolItem> item = spool_.Take(timeout_usec);
  if (item) Handle(*item);
  // Not in the middle of a drain, but when a program may be waiting for it.
  const bool draining = item && item->kind == SpoolItem::Kind::kEvents;
  if (intents_ != nullptr && (!draining || intents_->urgent())) StoreIntents();
  SyncIfDue();
  if (item || !spool_.closed()) return true;
  if (!gave_up_) StoreAll();
  Status status = unsynced_ ? SyncNow() : Status();
  MutexLock lock(mutex_);
  if (final_status_) final_status_ = status;
  return false;
}

void Writer::Handle(const SpoolItem& item) {
  if (gave_up_) return;
  switch (item.kind) {
    case SpoolItem::Kind::kEvents:
    case SpoolItem::Kind::kLoss:
      TranslateBuffer(item);
      ++held_buffers_;
      position_.stored = item.number;
      position_.complete_usec = item.complete_usec;
      if (RowsIn(pending_.batch) >= kMaxBatchRecords || held_buffers_ >= kMaxHeldBuffers) {
        StoreAll();
      }
      break;
    case SpoolItem::Kind::kEndOfDrain:
      position_.complete_usec = item.complete_usec;
      StoreAll();
      break;
    case SpoolItem::Kind::kMarker:
      Serve(*item.marker);
      break;
  }
}

void Writer::TranslateBuffer(const SpoolItem& item) {
  if (item.kind == SpoolItem::Kind::kLoss) {
    const std::string_view why(reinterpret_cast<const char*>(item.bytes.data()), item.bytes.size());
    translator_.AddGap("", why, item.times, &pending_);
    ForgetLearned();
    return;
  }
  if (hot_.TakeTold()) translator_.ForgetRecorded();
  scope_.BeginBatch();
  EventsAhead events(item.bytes);
  while (const Event* event = events.current()) {
    if (events.next() != nullptr) translator_.Expect(*events.next());
    TranslateEvent(*event, item);
    events.Advance();
  }
  if (events.failed()) {
    translator_.AddGap("", "the kernel's events could not be understood", item.times, &pending_);
    ForgetLearned();
  }
  scope_.EndBatch();
  times_ = item.times;
  AttributeNew(item.times);
  Publish();
}

// What was added to the batch since the last time.
void Writer::AttributeNew(const ReadTimes& times) {
  if (attribution_ == nullptr) return;
  attribution_->Attribute(times, attributed_, &pending_.batch);
  attributed_ = pending_.batch.records.size();
  pending_.batch.attributed = true;
}

void Writer::TranslateEvent(const Event& event, const SpoolItem& item) {
  const bool repeats = translator_.Translate(event, item.times, &pending_);
  if (repeats && (event.mask & FAN_MODIFY) != 0) {
    hot_.Repeated(item.group, translator_.VolumeOf(event), event.object);
  }
  if (event.overflow()) hot_.Forget();
}

// Something is missing here: what those before have taught may be wrong now.
void Writer::ForgetLearned() {
  translator_.ForgetLearned();
  hot_.Forget();
}

// What was recorded may not be stored, or not in this period.
void Writer::ForgetRecorded() {
  translator_.ForgetRecorded();
  if (attribution_ != nullptr) attribution_->Begin();
  hot_.Forget();
}

void Writer::Serve(Marker& marker) {
  if (marker.complete_usec != 0) position_.complete_usec = marker.complete_usec;
  if (marker.binding != nullptr) {
    scope_.SetWatches(marker.binding->watches);
    translator_.AddVolumes(marker.binding->volumes);
    hot_.AddVolumes(marker.binding->volumes);
    if (intents_ != nullptr) intents_->SetWatches(marker.binding->strict_watches);
    watched_ = marker.binding->text;
  }
  if (marker.binding != nullptr || marker.events_missing) ForgetLearned();
  scope_.BeginBatch();
  for (const SilentWriter& silent : marker.silent) {
    translator_.TranslateSilent(silent, marker.silent_usec, &pending_);
  }
  for (const Gap& gap : marker.gaps) {
    translator_.AddGap(gap.volume, gap.cause, {gap.from_usec, gap.to_usec}, &pending_);
  }
  for (const Record& found : marker.crawl.found) translator_.TranslateCrawled(found, &pending_);
  if (intents_ != nullptr) {
    // What programs were let through for before the checkpoint is of the period that it ends.
    while (intents_->Take(clock_.RealtimeUsec(), &translator_, &pending_)) {
    }
    if (!marker.seal) intents_->TakeWriters(marker, &translator_, &pending_);
  }
  const std::int64_t now_usec = clock_.RealtimeUsec();
  AttributeNew({now_usec, now_usec});  // they were seen a moment ago, or wait for us
  translator_.EndBatch(now_usec, &pending_);
  AttributeNew(times_);
  scope_.EndBatch();
  Publish();
  // A ticket that an earlier failure ended has no one behind it: the period goes on.
  if (marker.seal && !marker.ticket->done()) {
    Status sealed = Seal(marker);
    if (sealed) {
      const Status carried = StoreCarried(marker);
      marker.ticket->Complete({});
      if (!carried) StoreAll();
      return;
    }
    Failed(sealed.error());
    // It may be durable all the same, and after a crash be what the next process goes on with: then
    // all that comes from the new group is of the new period, where nothing is on record yet.
    ForgetRecorded();
  }
  if (StoreAll()) marker.ticket->Complete(NoteCrawl(marker.crawl));
}

// Once what it found is stored. A failure is the crawl's: it comes again.
Status Writer::NoteCrawl(const CrawlBatch& crawl) {
  const InStore waiting(store_since_usec_, clock_);
  if (crawl.complete) return store_.FillGaps(crawl.fills, crawl.losses);
  return crawl.note.has_value() ? store_.KeepCrawlNote(*crawl.note, crawl.losses) : Status();
}

// Only in strict mode. Those who wait for their intents to be durable are told.
void Writer::StoreIntents() {
  if (gave_up_) return;
  const std::int64_t now_usec = clock_.RealtimeUsec();
  if (intents_->Take(now_usec, &translator_, &pending_)) {
    AttributeNew({now_usec, now_usec});
    Publish();
    if (!StoreAll()) return;
  }
  // Also those that a marker's turn has stored.
  if (intents_->unsynced() && unsynced_) (void)SyncNow().has_value();
}

// Files that may be changed in the new period by who opened them in the old one. Tried once before
// the checkpoint is answered; should the store fail just now they stay pending, and the period
// before, which is durable, has most of them.
Status Writer::StoreCarried(const Marker& marker) {
  if (intents_ == nullptr) return {};
  intents_->Carry(marker, &translator_, &pending_);
  const std::int64_t now_usec = clock_.RealtimeUsec();
  AttributeNew({now_usec, now_usec});
  CJ_RETURN_IF_ERROR(StoreOnce());
  return intents_->sync() && unsynced_ ? SyncNow() : Status();
}

void Writer::Publish() {
  MutexLock lock(mutex_);
  counters_.translation = translator_.counters();
}

void Writer::SetListener(std::function<void(SequenceNumber)> listener) {
  MutexLock lock(mutex_);
  listener_ = std::move(listener);
}

WriterCounters Writer::counters() const {
  MutexLock lock(mutex_);
  return counters_;
}

Status Writer::final_status() const {
  MutexLock lock(mutex_);
  return final_status_;
}

}  // namespace cj
