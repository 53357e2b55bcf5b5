// Lets callers that wait at the same time share one round of work. A caller is only served by a
// round that began after its call: one that was under way may have passed by what the caller is
// waiting for. Any thread.
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "base/thread_annotations.h"

namespace cj {

class SharedRounds {
 public:
  // Runs `work` or waits for another caller that runs it; its result. One round at a time.
  Status Join(const std::function<Status()>& work) EXCLUDES(mutex_);

 private:
  struct Round {
    bool done = false;
    Status status;
  };

  Mutex mutex_;
  ConditionVariable ended_;
  bool running_ GUARDED_BY(mutex_) = false;
  std::shared_ptr<Round> next_ GUARDED_BY(mutex_);  // has not begun; those who came later share it
};

}  // namespace cj
