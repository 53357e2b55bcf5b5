// The directories that a walk has still to do, and what it has found: shared by its threads.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/thread_annotations.h"
#include "checkpoint/crawl_walk.h"

namespace cj {

// Of a directory directly below the root, that notes remember. The root itself has none.
inline constexpr std::size_t kNoUnit = SIZE_MAX;

struct WaitingDirectory {
  FileHandle directory;
  std::string path;
  std::int64_t since_usec = 0;
  std::int64_t files_since_usec = 0;  // not later
  std::size_t unit = kNoUnit;
};

class CrawlQueue {
 public:
  CrawlQueue(const CrawlLimits& limits, Clock& clock) : limits_(limits), clock_(clock) {}

  // The walk begins with this one.
  void Begin(WaitingDirectory root) EXCLUDES(mutex_);
  // False: too many wait. `new_unit`: it lies directly below the root.
  bool Push(WaitingDirectory directory, bool new_unit) EXCLUDES(mutex_);
  // Waits for one to do; nullopt: all is done, or Stop() was called.
  std::optional<WaitingDirectory> Take() EXCLUDES(mutex_);
  // What Take() gave has been done.
  void Done(const WaitingDirectory& directory) EXCLUDES(mutex_);

  // Waits while too much waits to be handed over.
  void Found(Record record) EXCLUDES(mutex_);
  // Waits for a batch of records, the end, or a second. True: that was all.
  bool TakeFound(WalkFound* found) EXCLUDES(mutex_);

  // Waits until `entries` more may be looked at.
  void Pace(std::uint64_t entries) EXCLUDES(mutex_);

  // Ends everybody's waiting.
  void Stop() EXCLUDES(mutex_);
  bool stopped() const EXCLUDES(mutex_);

 private:
  struct Unit {
    FileHandle directory;
    std::uint64_t left = 0;  // directories of it that wait or are being walked
  };

  bool AllDone() const REQUIRES(mutex_) { return begun_ && busy_ == 0 && waiting() == 0; }
  std::size_t waiting() const REQUIRES(mutex_) { return stack_.size() + units_waiting_.size(); }

  const CrawlLimits limits_;
  Clock& clock_;
  mutable Mutex mutex_;
  ConditionVariable changed_;  // for those who walk
  ConditionVariable found_changed_;
  // Depth first, one directory below the root after the other: a walk that is broken off has few of
  // them half done.
  std::vector<WaitingDirectory> stack_ GUARDED_BY(mutex_);
  std::deque<WaitingDirectory> units_waiting_ GUARDED_BY(mutex_);
  std::vector<Unit> units_ GUARDED_BY(mutex_);
  std::vector<Record> found_ GUARDED_BY(mutex_);
  std::vector<FileHandle> finished_ GUARDED_BY(mutex_);
  std::size_t busy_ GUARDED_BY(mutex_) = 0;
  bool begun_ GUARDED_BY(mutex_) = false;
  bool stopped_ GUARDED_BY(mutex_) = false;
  std::int64_t next_usec_ GUARDED_BY(mutex_) = 0;  // CLOCK_MONOTONIC: when more may be looked at
};

}  // namespace cj
