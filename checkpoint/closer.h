// Closes fanotify groups where nobody waits for it: a close takes up to some 20 ms (kernel.h). One
// thread of its own. Any thread may call any method.
#pragma once

#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "base/thread_annotations.h"
#include "checkpoint/slot_group.h"

namespace cj {

class Closer {
 public:
  // Checkpoints in a hurry wait when this many groups are still to be closed: each is a descriptor
  // and, until it dies, a few thousand marks.
  static constexpr std::size_t kMaxWaiting = 4;

  // `keeper` may be null; else it outlives the closer, and forgets each group that is closed.
  explicit Closer(DescriptorKeeper* keeper = nullptr);
  // Closes everything that it was given.
  ~Closer();
  Closer(const Closer&) = delete;
  Closer& operator=(const Closer&) = delete;

  // Takes the group and returns at once.
  void Close(SlotGroup group) EXCLUDES(mutex_);
  // The same for something else whose end takes time; nobody else has it any more.
  void Close(std::shared_ptr<void> other) EXCLUDES(mutex_);
  // Waits while kMaxWaiting groups or more are to be closed.
  void AwaitRoom() EXCLUDES(mutex_);

 private:
  void Run() EXCLUDES(mutex_);

  DescriptorKeeper* const keeper_;
  Mutex mutex_;
  ConditionVariable changed_;
  std::deque<SlotGroup> waiting_ GUARDED_BY(mutex_);  // the first may be closing
  std::vector<std::shared_ptr<void>> others_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace cj
