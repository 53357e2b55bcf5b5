#include "checkpoint/closer.h"

#include <utility>

#include "checkpoint/point_of_death.h"

namespace cj {

Closer::Closer(DescriptorKeeper* keeper) : keeper_(keeper), thread_([this] { Run(); }) {}

Closer::~Closer() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Closer::Close(SlotGroup group) {
  {
    MutexLock lock(mutex_);
    waiting_.push_back(std::move(group));
  }
  changed_.notify_all();
}

void Closer::Close(std::shared_ptr<void> other) {
  {
    MutexLock lock(mutex_);
    others_.push_back(std::move(other));
  }
  changed_.notify_all();
}

void Closer::AwaitRoom() {
  MutexLock lock(mutex_);
  while (waiting_.size() >= kMaxWaiting) changed_.wait(mutex_);
}

void Closer::Run() {
  for (;;) {
    SlotGroup group;
    std::vector<std::shared_ptr<void>> others;
    {
      MutexLock lock(mutex_);
      while (waiting_.empty() && others_.empty() && !stopping_) changed_.wait(mutex_);
      others.swap(others_);
      if (waiting_.empty() && others.empty()) return;
      if (!waiting_.empty()) group = std::move(waiting_.front());
    }
    others.clear();
    if (group.group == nullptr) continue;
    // First the copy, so that the last close, which takes its time, is ours.
    if (keeper_ != nullptr && !group.kept_as.empty()) keeper_->Forget(group.kept_as);
    PointOfDeath("forgotten");
    group.group.reset();
    {
      MutexLock lock(mutex_);
      waiting_.pop_front();
    }
    changed_.notify_all();
  }
}

}  // namespace cj
