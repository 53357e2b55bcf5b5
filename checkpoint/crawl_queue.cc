#include "checkpoint/crawl_queue.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace cj {
namespace {

constexpr auto kHandOverInterval = std::chrono::seconds(1);
// Found records that wait to be handed over: when the store is slow, the walk waits.
constexpr std::size_t kMaxFound = 4 * kCrawlBatch;
// The rate is kept over this time: a directory is not read entry by entry.
constexpr std::int64_t kPaceSlackUsec = 100'000;

}  // namespace

void CrawlQueue::Begin(WaitingDirectory root) {
  MutexLock lock(mutex_);
  stack_.push_back(std::move(root));
  begun_ = true;
  changed_.notify_all();
}

bool CrawlQueue::Push(WaitingDirectory directory, bool new_unit) {
  MutexLock lock(mutex_);
  if (waiting() >= limits_.max_waiting) return false;
  if (new_unit) {
    directory.unit = units_.size();
    units_.push_back({directory.directory, 1});
    units_waiting_.push_back(std::move(directory));
  } else {
    if (directory.unit != kNoUnit) ++units_[directory.unit].left;
    stack_.push_back(std::move(directory));
  }
  changed_.notify_all();  // some of those who wait, wait for other things
  return true;
}

std::optional<WaitingDirectory> CrawlQueue::Take() {
  MutexLock lock(mutex_);
  while (!stopped_ && !AllDone() && waiting() == 0) changed_.wait(mutex_);
  if (stopped_ || waiting() == 0) return std::nullopt;
  ++busy_;
  WaitingDirectory next;
  if (!stack_.empty()) {
    next = std::move(stack_.back());
    stack_.pop_back();
  } else {
    next = std::move(units_waiting_.front());
    units_waiting_.pop_front();
  }
  return next;
}

void CrawlQueue::Done(const WaitingDirectory& directory) {
  MutexLock lock(mutex_);
  --busy_;
  if (directory.unit != kNoUnit && --units_[directory.unit].left == 0) {
    finished_.push_back(std::move(units_[directory.unit].directory));
  }
  if (!AllDone()) return;
  changed_.notify_all();
  found_changed_.notify_all();
}

void CrawlQueue::Found(Record record) {
  MutexLock lock(mutex_);
  while (!stopped_ && found_.size() >= kMaxFound) changed_.wait(mutex_);
  found_.push_back(std::move(record));
  if (found_.size() == kCrawlBatch) found_changed_.notify_all();
}

bool CrawlQueue::TakeFound(WalkFound* found) {
  const auto deadline = std::chrono::steady_clock::now() + kHandOverInterval;
  MutexLock lock(mutex_);
  while (!stopped_ && !AllDone() && found_.size() < kCrawlBatch) {
    if (found_changed_.wait_until(mutex_, deadline) == std::cv_status::timeout) break;
  }
  found->records = std::exchange(found_, {});
  found->finished = std::exchange(finished_, {});
  changed_.notify_all();
  return AllDone();
}

void CrawlQueue::Pace(std::uint64_t entries) {
  if (limits_.entries_per_second == 0 || entries == 0) return;
  MutexLock lock(mutex_);
  const std::int64_t now_usec = clock_.MonotonicUsec();
  const auto cost_usec =
      static_cast<std::int64_t>(entries * 1'000'000 / limits_.entries_per_second);
  next_usec_ = std::max(next_usec_, now_usec - kPaceSlackUsec) + cost_usec;
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::microseconds(next_usec_ - now_usec);
  while (!stopped_) {
    if (changed_.wait_until(mutex_, deadline) == std::cv_status::timeout) return;
  }
}

void CrawlQueue::Stop() {
  MutexLock lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
  found_changed_.notify_all();
}

bool CrawlQueue::stopped() const {
  MutexLock lock(mutex_);
  return stopped_;
}

}  // namespace cj
