#include "checkpoint/spool.h"

#include <chrono>
#include <utility>

#include "base/check.h"

namespace cj {

// Buffers are made when they are first needed: a quiet journal never has more than one or two.
Spool::Spool() : buffers_(kBuffers) {
  for (std::size_t i = kBuffers; i > 0; --i) free_.push_back(i - 1);
}

std::span<std::byte> Spool::Acquire() {
  MutexLock lock(mutex_);
  while (!acquired_ && free_.empty() && !closed_) changed_.wait(mutex_);
  if (closed_) return {};
  if (!acquired_) {
    acquired_ = free_.back();
    free_.pop_back();
  }
  std::unique_ptr<Buffer>& buffer = buffers_[*acquired_];
  if (buffer == nullptr) buffer = std::make_unique<Buffer>();
  return *buffer;
}

void Spool::Push(SpoolItem item) {
  {
    MutexLock lock(mutex_);
    items_.push_back(std::move(item));
  }
  changed_.notify_all();
}

void Spool::Publish(std::size_t size, const ReadTimes& times) {
  {
    MutexLock lock(mutex_);
    CJ_CHECK(acquired_.has_value(), "a buffer was acquired before it is published");
    CJ_CHECK(size <= kBufferBytes, "a buffer holds what was read into it");
    SpoolItem item;
    item.times = times;
    item.buffer = *acquired_;
    item.bytes = std::span<const std::byte>(*buffers_[item.buffer]).first(size);
    acquired_.reset();
    items_.push_back(std::move(item));
  }
  changed_.notify_all();
}

void Spool::PushLoss(std::string why, const ReadTimes& times) {
  SpoolItem item;
  item.kind = SpoolItem::Kind::kLoss;
  item.times = times;
  item.loss = std::move(why);
  Push(std::move(item));
}

void Spool::PushEndOfDrain() {
  SpoolItem item;
  item.kind = SpoolItem::Kind::kEndOfDrain;
  Push(std::move(item));
}

void Spool::PushMarker(std::shared_ptr<Marker> marker) {
  SpoolItem item;
  item.kind = SpoolItem::Kind::kMarker;
  item.marker = std::move(marker);
  {
    MutexLock lock(mutex_);
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
  return item;
}

void Spool::Release(const SpoolItem& item) {
  {
    MutexLock lock(mutex_);
    free_.push_back(item.buffer);
  }
  changed_.notify_all();
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
