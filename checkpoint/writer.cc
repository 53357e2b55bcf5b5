#include "checkpoint/writer.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace cj {
namespace {

std::size_t RowsIn(const Batch& batch) {
  return batch.records.size() + batch.dead_directories.size() + batch.link_names.size();
}

}  // namespace

Writer::Writer(Store& store, Scope& scope, Clock& clock, Spool& spool, Waiters& waiters,
               std::span<const VolumeMount> volumes, const WriterOptions& options)
    : store_(store),
      scope_(scope),
      clock_(clock),
      spool_(spool),
      waiters_(waiters),
      sync_interval_usec_(options.sync_interval_usec),
      translator_(scope, volumes, options.key) {}

void Writer::Begin() {
  period_ = store_.Periods().back().id;
  translator_.Begin(period_, store_.next_sequence());
}

bool Writer::Step() {
  std::int64_t timeout_usec = -1;
  if (unsynced_) {
    timeout_usec = std::max<std::int64_t>(sync_due_usec_ - clock_.MonotonicUsec(), 0);
  }
  const std::optional<SpoolItem> item = spool_.Take(timeout_usec);
  if (item) Handle(*item);
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
      TranslateBuffer(item);
      spool_.Release(item);
      if (RowsIn(pending_.batch) >= kMaxBatchRecords) StoreAll();
      break;
    case SpoolItem::Kind::kLoss:
      translator_.AddGap("", item.loss, item.times, &pending_);
      break;
    case SpoolItem::Kind::kEndOfDrain:
      StoreAll();
      break;
    case SpoolItem::Kind::kMarker:
      Serve(*item.marker);
      break;
  }
}

void Writer::TranslateBuffer(const SpoolItem& item) {
  scope_.BeginBatch();
  std::span<const std::byte> rest = item.bytes;
  while (!rest.empty()) {
    Event event;
    Status parsed = ParseEvent(&rest, &event);
    if (!parsed) {
      translator_.AddGap("", "the kernel's events could not be understood", item.times, &pending_);
      break;
    }
    translator_.Translate(event, item.times, &pending_);
  }
  scope_.EndBatch();
  Publish();
}

void Writer::Serve(Marker& marker) {
  scope_.BeginBatch();
  for (const SilentWriter& silent : marker.silent) {
    translator_.TranslateSilent(silent, marker.silent_usec, &pending_);
  }
  translator_.EndBatch(clock_.RealtimeUsec(), &pending_);
  scope_.EndBatch();
  Publish();
  // A ticket that an earlier failure ended has no one behind it: the period goes on.
  if (marker.seal && !marker.ticket->done()) {
    Status sealed = Seal(marker);
    if (sealed) {
      marker.ticket->Complete({});
      return;
    }
    Failed(sealed.error());
  }
  if (StoreAll()) marker.ticket->Complete({});
}

// Ends the period with what is pending, in one synced write. When it fails, the period goes on with
// all of that still pending.
Status Writer::Seal(Marker& marker) {
  CJ_RETURN_IF_ERROR(StoreGaps());
  const std::int64_t now_usec = clock_.RealtimeUsec();
  marker.sealed = store_.Periods().back();
  marker.sealed.end_usec = now_usec;
  marker.sealed.record_count += pending_.batch.records.size();
  marker.opened = PeriodInfo();
  marker.opened.id = period_.Next();
  marker.opened.start_usec = now_usec;
  marker.opened.label = marker.label;
  marker.opened.first_sequence = translator_.next_sequence();
  pending_.batch.period = period_;
  CJ_RETURN_IF_ERROR(store_.Advance(pending_.batch, marker.sealed, marker.opened));
  period_ = marker.opened.id;
  translator_.Begin(period_, translator_.next_sequence());
  unsynced_ = false;
  const std::uint64_t records = pending_.batch.records.size();
  pending_.batch = Batch();
  Stored(records);
  return {};
}

Status Writer::StoreGaps() {
  while (!pending_.gaps.empty()) {
    CJ_RETURN_IF_ERROR(store_.AddGap(pending_.gaps.back()));
    pending_.gaps.pop_back();
  }
  return {};
}

Status Writer::StoreOnce() {
  CJ_RETURN_IF_ERROR(StoreGaps());
  if (pending_.batch.empty()) return {};
  pending_.batch.period = period_;
  CJ_RETURN_IF_ERROR(store_.Append(pending_.batch));
  if (!unsynced_) sync_due_usec_ = clock_.MonotonicUsec() + sync_interval_usec_;
  unsynced_ = true;
  const std::uint64_t records = pending_.batch.records.size();
  pending_.batch = Batch();
  Stored(records);
  return {};
}

// Tries until everything pending is stored. False: given up, because the spool was closed.
bool Writer::StoreAll() {
  scope_.BeginBatch();
  translator_.EndBatch(clock_.RealtimeUsec(), &pending_);
  scope_.EndBatch();
  for (;;) {
    Status stored = StoreOnce();
    if (stored) break;
    Failed(stored.error());
    if (spool_.closed()) {
      MutexLock lock(mutex_);
      final_status_ = stored;
      gave_up_ = true;
      return false;
    }
    AwaitRetry();
  }
  MutexLock lock(mutex_);
  counters_.storage_error.clear();
  return true;
}

void Writer::AwaitRetry() {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::microseconds(kRetryUsec);
  MutexLock lock(mutex_);
  while (!kicked_) {
    if (kick_changed_.wait_until(mutex_, deadline) == std::cv_status::timeout) break;
  }
  kicked_ = false;
}

void Writer::Kick() {
  {
    MutexLock lock(mutex_);
    kicked_ = true;
  }
  kick_changed_.notify_all();
}

void Writer::SyncIfDue() {
  if (!unsynced_ || clock_.MonotonicUsec() < sync_due_usec_) return;
  if (!SyncNow()) sync_due_usec_ = clock_.MonotonicUsec() + sync_interval_usec_;
}

Status Writer::SyncNow() {
  Status synced = store_.Sync();
  if (synced) {
    unsynced_ = false;
    MutexLock lock(mutex_);
    counters_.storage_error.clear();
  } else {
    Failed(synced.error());
  }
  return synced;
}

void Writer::Failed(const Error& error) {
  const Error told = WithContext(error, "changes cannot be stored");
  {
    MutexLock lock(mutex_);
    counters_.storage_error = told.message;
  }
  waiters_.FailAll(told);
}

void Writer::Stored(std::uint64_t records) {
  std::function<void(SequenceNumber)> listener;
  {
    MutexLock lock(mutex_);
    counters_.storage_error.clear();
    counters_.records_stored += records;
    counters_.appends += 1;
    listener = listener_;
  }
  // Numbers start at 1 or later, so there is a last one when there are records.
  if (records > 0 && listener) listener(SequenceNumber(translator_.next_sequence().value - 1));
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
