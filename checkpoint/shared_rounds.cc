#include "checkpoint/shared_rounds.h"

namespace cj {

Status SharedRounds::Join(const std::function<Status()>& work) {
  std::shared_ptr<Round> mine;
  {
    MutexLock lock(mutex_);
    if (next_ == nullptr) next_ = std::make_shared<Round>();
    mine = next_;
    while (running_ && !mine->done) ended_.wait(mutex_);
    if (mine->done) return mine->status;
    // Nobody runs and this round has not run: this caller runs it for all who share it.
    running_ = true;
    next_.reset();
  }
  Status status = work();
  {
    MutexLock lock(mutex_);
    running_ = false;
    mine->done = true;
    mine->status = status;
  }
  ended_.notify_all();
  return status;
}

}  // namespace cj
