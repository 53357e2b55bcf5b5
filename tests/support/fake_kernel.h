// A kernel that a test drives by hand: groups, marks, queues, notifications in flight, and silent
// writers. It keeps what the checkpoint protocol relies on and nothing else:
//
//   * a notification first looks at the marks, later queues into the groups it found, even if a
//   mark
//     has come or gone in between;
//   * Barrier() returns when every notification that has looked has queued;
//   * a scan of silent writers sees the mappings that are there, an unmap reports CLOSE_WRITE.
//
// Any thread. Hooks run on the thread that makes the call, without any lock held.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/thread_annotations.h"
#include "base/unique_fd.h"
#include "fanotify/kernel.h"
#include "tests/support/event_bytes.h"

namespace cj {

class FakeKernel : public Kernel {
 public:
  struct Options {
    // Groups have a descriptor that is readable when events wait: the reader reads by itself.
    bool wake_reader = false;
    // Events that a queue of a group made with unlimited_queue=false holds.
    std::size_t queue_limit = 16;
    // Reads give at most this many events at once.
    std::size_t events_per_read = 1000;
  };
  // "create", "mark", "barrier", "scan", "unmark", "read", "close"
  using Hook = std::function<void(const std::string& call)>;

  FakeKernel() : FakeKernel(Options()) {}
  explicit FakeKernel(const Options& options) : options_(options) {}

  // Called before each call does anything. Set it while nobody calls.
  void SetHook(Hook hook) EXCLUDES(mutex_);
  // The next call of this name fails.
  void FailNext(const std::string& call, const Error& error) EXCLUDES(mutex_);

  // A notification: Look() at the marks, Queue() into the groups found (once; the barrier may have
  // done it), Report() is both.
  int Look(const EventSpec& event) EXCLUDES(mutex_);
  void Queue(int flight) EXCLUDES(mutex_);
  void Report(const EventSpec& event) EXCLUDES(mutex_);

  void Map(const SilentWriter& writer) EXCLUDES(mutex_);
  // Takes the mapping of this name away and reports `closed`.
  void Unmap(const std::string& name, const EventSpec& closed) EXCLUDES(mutex_);

  // The filesystem is unmounted, and its marks go; `mounted`: it is mounted again at once.
  void Unmount(std::uint64_t fsid, bool mounted) EXCLUDES(mutex_);
  void Mount(std::uint64_t fsid) EXCLUDES(mutex_);

  // Notes a call of another part of the kernel; runs the hook, and fails if it is to.
  Status Announce(const std::string& call) EXCLUDES(mutex_) { return Enter(call); }
  // All calls so far, in order.
  std::vector<std::string> calls() const EXCLUDES(mutex_);
  std::size_t living_groups() const EXCLUDES(mutex_);
  // Ignore marks in all groups.
  std::size_t ignored() const EXCLUDES(mutex_);
  // All inodes leave memory, and with them the marks that ignore.
  void DropCaches() EXCLUDES(mutex_);
  // Events that wait in all groups.
  std::size_t queued() const EXCLUDES(mutex_);

  Result<std::unique_ptr<EventGroup>> CreateGroup(bool unlimited_queue) override;
  Result<std::unique_ptr<EventGroup>> AdoptGroup(UniqueFd fd) override;
  UniqueFd OpenFile(const VolumeMount& volume, HandleView object) override;
  Status Barrier() override;
  Result<std::vector<SilentWriter>> ScanSilentWriters(
      std::span<const VolumeMount> volumes) override;

 private:
  friend class FakeGroup;
  struct Group {
    std::set<std::uint64_t> marks;
    std::set<std::string> ignored;  // objects, of which MODIFY is not reported
    std::deque<std::string> queue;
    bool unlimited = true;
    bool overflowed = false;  // the overflow event is in the queue
    bool alive = true;
    UniqueFd ready;
  };
  struct Flight {
    std::string bytes;
    std::vector<std::shared_ptr<Group>> groups;
  };

  Status Enter(const std::string& call) EXCLUDES(mutex_);
  Status TakeFailure(const std::string& call) EXCLUDES(mutex_);
  void QueueInto(Group& group, const std::string& bytes) REQUIRES(mutex_);
  void Finish(int flight) REQUIRES(mutex_);

  const Options options_;
  mutable Mutex mutex_;
  Hook hook_ GUARDED_BY(mutex_);
  std::vector<std::string> calls_ GUARDED_BY(mutex_);
  std::map<std::string, Error> failures_ GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<Group>> groups_ GUARDED_BY(mutex_);
  std::map<int, Flight> flights_ GUARDED_BY(mutex_);
  int next_flight_ GUARDED_BY(mutex_) = 0;
  std::vector<SilentWriter> mappings_ GUARDED_BY(mutex_);
  std::set<std::uint64_t> absent_ GUARDED_BY(mutex_);
};

}  // namespace cj
