// Waiting for another thread's work, with a way out when the store fails.
//
// A Ticket is completed once, by whoever does the work or by Waiters::FailAll when it cannot be
// done. Any thread.
#pragma once

#include <memory>
#include <vector>

#include "base/result.h"
#include "base/thread_annotations.h"

namespace cj {

class Ticket {
 public:
  // The first call counts.
  void Complete(Status status) EXCLUDES(mutex_);
  // Blocks until completed.
  Status Wait() EXCLUDES(mutex_);
  bool done() const EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  ConditionVariable completed_;
  bool done_ GUARDED_BY(mutex_) = false;
  Status status_ GUARDED_BY(mutex_);
};

// All who wait for something to be stored.
class Waiters {
 public:
  // A ticket that FailAll completes as long as somebody holds it. After Close() it is completed at
  // once.
  std::shared_ptr<Ticket> NewTicket() EXCLUDES(mutex_);
  // Completes all tickets made so far.
  void FailAll(const Error& error) EXCLUDES(mutex_);
  // Fails all tickets, present and future.
  void Close(const Error& error) EXCLUDES(mutex_);

 private:
  Mutex mutex_;
  std::vector<std::weak_ptr<Ticket>> tickets_ GUARDED_BY(mutex_);
  Status closed_ GUARDED_BY(mutex_);
};

}  // namespace cj
