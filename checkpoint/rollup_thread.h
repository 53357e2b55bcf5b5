// Rolls up the periods that have ended (Store::RollUp), where nobody waits for it. One thread of
// its own. Any thread may call any method.
#pragma once

#include <atomic>
#include <thread>

#include "base/thread_annotations.h"
#include "journal/store.h"

namespace cj {

class RollupThread {
 public:
  // The store outlives it. There may be work from before.
  explicit RollupThread(Store& store);
  // Breaks off what it is at: it is done the next time.
  ~RollupThread();
  RollupThread(const RollupThread&) = delete;
  RollupThread& operator=(const RollupThread&) = delete;

  // A period has ended. Returns at once.
  void Wake() EXCLUDES(mutex_);

 private:
  void Run() EXCLUDES(mutex_);
  bool Await() EXCLUDES(mutex_);

  Store& store_;
  Mutex mutex_;
  ConditionVariable changed_;
  bool awake_ GUARDED_BY(mutex_) = true;
  std::atomic<bool> stopping_ = false;  // set under mutex_
  std::thread thread_;
};

}  // namespace cj
