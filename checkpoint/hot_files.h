// Files that are written again and again in one period: their first change is on record, and the
// kernel need not report the others. A mark that ignores FAN_MODIFY of such a file goes into the
// group that the events came from.
//
// When that is safe. All events of one group are of one period (reader.h), whatever becomes of
// checkpoints. What is ignored is a change of a file's data that is on record in that period
// already; an answer asks the records whether a file's data has changed in its periods, never how
// often or under which name, and renames, links and deletions go on being reported. (A file outside
// of every watch is on no record, and may come in: it is not ignored.) So it must not outlive what
// it rests on:
//  - the next period's group has no such marks, and they die with their group;
//  - when anything is forgotten of what was recorded or judged (a loss of events, other watches, a
//    disk that lost rows), Forget() takes all of them back before anything else is stored;
//  - whoever follows the records and has been told of a change wants to hear of the next one:
//  Told()
//    takes the marks back, and the writer then forgets what was recorded;
//  - a seal that failed may turn out to be durable after a crash: what was recorded in the period
//    before it is forgotten, and so are the marks. Who inherits a group takes them back.
// The marks are evictable: they keep no inode in memory, and go with it.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_annotations.h"
#include "fanotify/kernel.h"

namespace cj {

// Counts repeats. Not thread-safe: the writer's.
class RepeatCounter {
 public:
  // The kernel merges those that wait, so that there is one for each read: a file that is written
  // for less than this many reads costs no mark.
  static constexpr std::uint8_t kRepeats = 3;

  // True when the object has repeated itself often enough, and each kRepeats times after that.
  bool Add(VolumeId volume, HandleView object);

 private:
  struct Entry {
    std::uint64_t hash = 0;
    std::uint8_t repeats = 0;
  };
  // Two objects that share an entry push each other out: then neither is so hot.
  std::array<Entry, 1024> entries_{};
};

// The marks. The reader says which group it reads, the writer what is to be ignored.
class HotFiles {
 public:
  // More are not made in one group: each takes some 200 bytes of the kernel's memory.
  static constexpr std::size_t kMaxMarks = 16 * 1024;

  explicit HotFiles(Kernel& kernel) : kernel_(kernel) {}

  // Reader. From now on this group, which has the number, gets the events; `alone`: no other is
  // read beside it. It lives until the next call. Null: there is none.
  void Read(EventGroup* group, std::uint64_t number, bool alone) EXCLUDES(mutex_);

  // Writer. These volumes may be asked about, too.
  void AddVolumes(std::span<const VolumeMount> volumes);
  // Writer. A change of the object's data, in an event of group `number`, was a repeat.
  void Repeated(std::uint64_t number, VolumeId volume, HandleView object) EXCLUDES(mutex_);
  // Writer. Nothing is ignored any more.
  void Forget() EXCLUDES(mutex_);

  // Any thread. Records have been read by somebody who will not read them again: what repeats them
  // from now on is to be recorded. Returns when nothing is ignored any more, and before the writer
  // has taken the news nothing will be.
  void Told() EXCLUDES(mutex_);
  // Writer. Whether that has happened since the last time: before the next events are translated,
  // what was recorded has to be forgotten.
  bool TakeTold() { return told_.load(std::memory_order_relaxed) && told_.exchange(false); }

  // Marks made so far, those included that were there already: events that had been queued before
  // the mark go on to repeat themselves. Any thread.
  std::uint64_t made() const { return made_.load(std::memory_order_relaxed); }

 private:
  Kernel& kernel_;
  RepeatCounter repeats_;             // the writer's
  std::vector<VolumeMount> volumes_;  // the writer's
  std::atomic<std::uint64_t> made_ = 0;
  std::atomic<bool> told_ = false;

  Mutex mutex_;
  EventGroup* group_ GUARDED_BY(mutex_) = nullptr;
  std::uint64_t number_ GUARDED_BY(mutex_) = 0;
  bool alone_ GUARDED_BY(mutex_) = false;
  std::size_t marks_ GUARDED_BY(mutex_) = 0;  // in the group
};

}  // namespace cj
