#include "checkpoint/spool.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace cj {

Spool::Spool(SpoolMemory memory, const std::vector<SpoolMemory::Found>& left,
             std::int64_t complete_usec)
    : id_(memory.id()), memory_(std::move(memory)), watched_(memory_.watched()) {
  // The same few buffers are used again and again as long as they do.
  for (std::size_t i = kBuffers; i > 0; --i) free_.push_back(i - 1);
  for (const SpoolMemory::Found& found : left) {
    std::erase(free_, found.slot);
    filled_.push_back({found.slot, found.number, found.bytes.size(), found.times.read_usec});
    SpoolItem item;
    item.kind = found.content == SpoolMemory::Content::kLoss ? SpoolItem::Kind::kLoss
                                                             : SpoolItem::Kind::kEvents;
    item.times = found.times;
    // Another group, not read yet, may have what happened before.
    item.complete_usec = std::min(found.times.since_usec, complete_usec);
    item.bytes = found.bytes;
    item.number = found.number;
    items_.push_back(std::move(item));
  }
  if (left.empty()) return;
  SpoolItem end;
  end.kind = SpoolItem::Kind::kEndOfDrain;
  end.complete_usec = std::min(left.back().times.since_usec, complete_usec);
  items_.push_back(std::move(end));
}

std::span<std::byte> Spool::Acquire(std::int64_t since_usec, std::int64_t timeout_usec) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::microseconds(timeout_usec);
  MutexLock lock(mutex_);
  while (!acquired_ && free_.empty() && !closed_) {
    if (changed_.wait_until(mutex_, deadline) == std::cv_status::timeout) break;
  }
  if (closed_ || (!acquired_ && free_.empty())) return {};
  if (!acquired_) {
    acquired_ = Buffer{free_.back(), memory_.next_number(), 0, 0};
    free_.pop_back();
    acquired_bytes_ = memory_.BeginRead(acquired_->slot, acquired_->number, since_usec);
  }
  return acquired_bytes_;
}

void Spool::PublishAs(SpoolMemory::Content content, std::size_t size, SpoolItem item) {
  {
    MutexLock lock(mutex_);
    CJ_CHECK(acquired_.has_value(), "a buffer was acquired before it is published");
    memory_.EndRead(acquired_->slot, content, size, item.times);
    filled_.push_back({acquired_->slot, acquired_->number, size, item.times.read_usec});
    item.complete_usec = NoLaterThanHeld(item.complete_usec);
    item.number = acquired_->number;
    item.bytes = acquired_bytes_.first(size);
    acquired_.reset();
    items_.push_back(std::move(item));
  }
  changed_.notify_all();
}

void Spool::Publish(std::size_t size, const ReadTimes& times, std::int64_t complete_usec,
                    std::uint64_t group) {
  SpoolItem item;
  item.times = times;
  item.complete_usec = complete_usec;
  item.group = group;
  PublishAs(SpoolMemory::Content::kEvents, size, std::move(item));
}

void Spool::PublishLoss(std::string_view why, const ReadTimes& times, std::int64_t complete_usec) {
  SpoolItem item;
  item.kind = SpoolItem::Kind::kLoss;
  item.times = times;
  item.complete_usec = complete_usec;
  std::size_t size = 0;
  {
    MutexLock lock(mutex_);
    CJ_CHECK(acquired_.has_value(), "a buffer was acquired before it is published");
    size = std::min(why.size(), acquired_bytes_.size());
    std::memcpy(acquired_bytes_.data(), why.data(), size);
  }
  PublishAs(SpoolMemory::Content::kLoss, size, std::move(item));
}

void Spool::PushEndOfDrain(std::int64_t complete_usec) {
  SpoolItem item;
  item.kind = SpoolItem::Kind::kEndOfDrain;
  {
    MutexLock lock(mutex_);
    item.complete_usec = NoLaterThanHeld(complete_usec);
    items_.push_back(std::move(item));
  }
  changed_.notify_all();
}

void Spool::PushMarker(std::shared_ptr<Marker> marker) {
  SpoolItem item;
  item.kind = SpoolItem::Kind::kMarker;
  item.marker = std::move(marker);
  {
    MutexLock lock(mutex_);
    item.marker->complete_usec = NoLaterThanHeld(item.marker->complete_usec);
    // While the store fails markers wait here; those that nobody waits for any more go.
    std::erase_if(items_, [](const SpoolItem& old) {
      return old.marker != nullptr && old.marker->ticket->done();
    });
    items_.push_back(std::move(item));
  }
  changed_.notify_all();
}

std::optional<SpoolItem> Spool::Take(std::int64_t timeout_usec) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::microseconds(timeout_usec);
  MutexLock lock(mutex_);
  while (items_.empty() && !closed_ && !woken_) {
    if (timeout_usec < 0) {
      changed_.wait(mutex_);
    } else if (changed_.wait_until(mutex_, deadline) == std::cv_status::timeout) {
      break;
    }
  }
  woken_ = false;
  if (items_.empty()) return std::nullopt;
  SpoolItem item = std::move(items_.front());
  items_.pop_front();
  if (item.number != 0) last_taken_ = item.number;
  return item;
}

void Spool::Release(bool recorded) {
  {
    MutexLock lock(mutex_);
    if (recorded) memory_.NoteStored(last_taken_);
    while (!filled_.empty() && filled_.front().number <= last_taken_) {
      memory_.Free(filled_.front().slot);
      free_.push_back(filled_.front().slot);
      filled_.pop_front();
    }
  }
  changed_.notify_all();
}

void Spool::SetWatched(std::string_view text) {
  MutexLock lock(mutex_);
  watched_ = text;
  if (missing_.empty()) memory_.SetWatched(watched_);
}

void Spool::Missing(Loss what) {
  MutexLock lock(mutex_);
  missing_.insert(what);
  memory_.SetWatched({});
}

void Spool::Told(Loss what) {
  MutexLock lock(mutex_);
  if (missing_.erase(what) != 0 && missing_.empty()) memory_.SetWatched(watched_);
}

void Spool::Hold(std::int64_t since_usec) {
  MutexLock lock(mutex_);
  held_usec_ = std::min(held_usec_.value_or(since_usec), since_usec);
}

std::uint64_t Spool::HoldForLook(std::int64_t since_usec) {
  MutexLock lock(mutex_);
  look_held_usec_ = NoLaterThanHeld(since_usec);
  held_usec_.reset();
  return ++looks_;
}

void Spool::LetGo(std::uint64_t look) {
  MutexLock lock(mutex_);
  if (look == looks_) look_held_usec_.reset();
}

bool Spool::held() const {
  MutexLock lock(mutex_);
  return held_usec_.has_value() || look_held_usec_.has_value();
}

std::int64_t Spool::NoLaterThanHeld(std::int64_t usec) const {
  return std::min({usec, held_usec_.value_or(usec), look_held_usec_.value_or(usec)});
}

SpoolUse Spool::use() const {
  SpoolUse use;
  use.capacity_bytes = kBuffers * kBufferBytes;
  MutexLock lock(mutex_);
  for (const Buffer& buffer : filled_) use.bytes += buffer.size;
  if (!filled_.empty()) use.oldest_usec = filled_.front().read_usec;
  return use;
}

bool Spool::full() const {
  MutexLock lock(mutex_);
  return !acquired_ && free_.empty();
}

void Spool::Wake() {
  {
    MutexLock lock(mutex_);
    woken_ = true;
  }
  changed_.notify_all();
}

void Spool::Close() {
  {
    MutexLock lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

bool Spool::closed() const {
  MutexLock lock(mutex_);
  return closed_;
}

}  // namespace cj
