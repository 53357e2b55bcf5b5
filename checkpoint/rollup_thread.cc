#include "checkpoint/rollup_thread.h"

namespace cj {

RollupThread::RollupThread(Store& store) : store_(store), thread_([this] { Run(); }) {}

RollupThread::~RollupThread() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void RollupThread::Wake() {
  {
    MutexLock lock(mutex_);
    awake_ = true;
  }
  changed_.notify_all();
}

// False: it is to end.
bool RollupThread::Await() {
  MutexLock lock(mutex_);
  while (!awake_ && !stopping_) changed_.wait(mutex_);
  awake_ = false;
  return !stopping_;
}

void RollupThread::Run() {
  while (Await()) {
    for (bool more = true; more && !stopping_;) {
      const Result<bool> made = store_.RollUp([this] { return stopping_.load(); });
      // What fails is tried again when the next period ends. Nothing is missed meanwhile: questions
      // read what there is, and that the store fails is said by those who have to write.
      more = made.has_value() && *made;
    }
  }
}

}  // namespace cj
