// The part of Writer that speaks to the store: what is pending becomes durable, or is tried again.
#include <chrono>
#include <utility>

#include "checkpoint/in_store.h"
#include "checkpoint/point_of_death.h"
#include "checkpoint/writer.h"

namespace cj {

// Ends the period with what is pending, in one synced write. When it fails, the period goes on with
// all of that still pending.
Status Writer::Seal(Marker& marker) {
  const InStore waiting(store_since_usec_, clock_);
  CJ_RETURN_IF_ERROR(StoreGaps());
  const std::int64_t now_usec = clock_.RealtimeUsec();
  marker.sealed = store_.OpenPeriod();
  marker.sealed.end_usec = now_usec;
  marker.sealed.record_count += pending_.batch.records.size();
  marker.opened = PeriodInfo();
  marker.opened.id = period_.Next();
  marker.opened.start_usec = now_usec;
  marker.opened.unscanned_usec = std::max<std::int64_t>(0, now_usec - marker.scanned_usec);
  marker.opened.label = marker.label;
  marker.opened.first_sequence = translator_.next_sequence();
  pending_.batch.period = period_;
  pending_.batch.spool = position_;
  CJ_RETURN_IF_ERROR(store_.Advance(pending_.batch, marker.sealed, marker.opened));
  PointOfDeath("sealed");
  period_ = marker.opened.id;
  translator_.Begin(period_, translator_.next_sequence());
  if (attribution_ != nullptr) attribution_->Begin();
  unsynced_ = false;
  const std::uint64_t records = pending_.batch.records.size();
  pending_.batch.Clear();
  attributed_ = 0;
  ReleaseBuffers(true);
  if (intents_ != nullptr) {
    intents_->Appended();
    intents_->Synced();
  }
  Stored(records);
  return {};
}

void Writer::ReleaseBuffers(bool recorded) {
  if (held_buffers_ == 0) return;
  spool_.Release(recorded);
  held_buffers_ = 0;
}

Status Writer::StoreGaps() {
  const bool any = !pending_.gaps.empty();
  while (!pending_.gaps.empty()) {
    CJ_RETURN_IF_ERROR(store_.AddGap(pending_.gaps.back()));
    pending_.gaps.pop_back();
  }
  if (any) TellListener();
  // After the gaps of what is watched anew: whoever is killed in between finds it unknown once
  // more.
  if (watched_.has_value()) CJ_RETURN_IF_ERROR(store_.KeepWatched(*watched_));
  watched_.reset();
  return {};
}

Status Writer::StoreOnce() {
  Beat();
  const InStore waiting(store_since_usec_, clock_);
  CJ_RETURN_IF_ERROR(StoreGaps());
  if (pending_.batch.empty()) {
    ReleaseBuffers(false);
    if (intents_ != nullptr) intents_->Appended();
    if (intents_ != nullptr && !unsynced_) intents_->Synced();
    return {};
  }
  pending_.batch.period = period_;
  pending_.batch.spool = position_;
  PointOfDeath("translated");
  CJ_RETURN_IF_ERROR(store_.Append(pending_.batch));
  PointOfDeath("stored");
  if (!unsynced_) sync_due_usec_ = clock_.MonotonicUsec() + sync_interval_usec_;
  unsynced_ = true;
  const std::uint64_t records = pending_.batch.records.size();
  pending_.batch.Clear();
  attributed_ = 0;
  ReleaseBuffers(true);
  if (intents_ != nullptr) intents_->Appended();
  Stored(records);
  return {};
}

// Tries until everything pending is stored. False: given up, because the spool was closed.
bool Writer::StoreAll() {
  scope_.BeginBatch();
  translator_.EndBatch(clock_.RealtimeUsec(), &pending_);
  scope_.EndBatch();
  AttributeNew(times_);
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
  const std::uint64_t losses_before = std::exchange(losses_, store_.losses());
  if (losses_ != losses_before) ForgetRecorded();
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
  const InStore waiting(store_since_usec_, clock_);
  Status synced = store_.Sync();
  if (synced) {
    unsynced_ = false;
    if (intents_ != nullptr) intents_->Synced();
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
  {
    MutexLock lock(mutex_);
    counters_.storage_error.clear();
    counters_.records_stored += records;
    counters_.appends += 1;
  }
  if (records > 0) TellListener();
}

void Writer::TellListener() {
  std::function<void(SequenceNumber)> listener;
  {
    MutexLock lock(mutex_);
    listener = listener_;
  }
  // Numbers start at 1 or later.
  if (listener) listener(SequenceNumber(translator_.next_sequence().value - 1));
}

}  // namespace cj
