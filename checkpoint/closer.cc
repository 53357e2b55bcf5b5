#include "checkpoint/closer.h"

#include <utility>

namespace cj {

Closer::Closer() : thread_([this] { Run(); }) {}

Closer::~Closer() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Closer::Close(std::unique_ptr<EventGroup> group) {
  {
    MutexLock lock(mutex_);
    waiting_.push_back(std::move(group));
  }
  changed_.notify_all();
}

void Closer::AwaitRoom() {
  MutexLock lock(mutex_);
  while (waiting_.size() >= kMaxWaiting) changed_.wait(mutex_);
}

void Closer::Run() {
  for (;;) {
    std::unique_ptr<EventGroup> group;
    {
      MutexLock lock(mutex_);
      while (waiting_.empty() && !stopping_) changed_.wait(mutex_);
      if (waiting_.empty()) return;
      group = std::move(waiting_.front());
    }
    group.reset();
    {
      MutexLock lock(mutex_);
      waiting_.pop_front();
    }
    changed_.notify_all();
  }
}

}  // namespace cj
