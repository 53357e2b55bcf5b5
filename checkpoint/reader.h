// The reader: takes events from the open slot's groups and puts them into the spool. It speaks to
// the kernel only; nothing that it does can wait for a disk, except for room in the spool.
//
// The slot has one group, or two after a checkpoint that failed when the new group already had all
// the marks: then the old one (without marks) is read to its end before the new one, and closed.
//
// One thread runs Step() in a loop. The other methods may be called from any thread; what they ask
// for is done by that thread, in the order in which it was asked.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "base/clock.h"
#include "base/thread_annotations.h"
#include "base/unique_fd.h"
#include "checkpoint/closer.h"
#include "checkpoint/hot_files.h"
#include "checkpoint/reader_options.h"
#include "checkpoint/slot_group.h"
#include "checkpoint/spool.h"
#include "checkpoint/ticket.h"
#include "fanotify/kernel.h"

namespace cj {

class Reader {
 public:
  // A drain that has read this many buffers without coming to the queue's end asks how many events
  // are left, and ends when it has read so many: busy writers cannot keep it from ending. (Asking
  // at once would cost the kernel a walk over the queue each time.)
  static constexpr int kReadsBeforeCounting = 16;

  // All references outlive the reader.
  Reader(Clock& clock, Spool& spool, Closer& closer, HotFiles& hot, ReaderOptions options);
  ~Reader();

  // The first group, or one that follows it in the same slot. Before the thread runs.
  void Open(SlotGroup group);

  // Everything that is queued when the drain begins goes into the spool, then the ticket is
  // completed.
  void Drain(std::shared_ptr<Ticket> drained) EXCLUDES(mutex_);
  // The same, then the marker follows.
  void DrainAndMark(std::shared_ptr<Marker> marker) EXCLUDES(mutex_);
  // Gives up the slot's groups without reading them again, puts the marker into the spool, and
  // reads `next` from now on.
  void Switch(SlotGroup next, std::shared_ptr<Marker> seal) EXCLUDES(mutex_);
  // `next` joins the slot; the groups that are in it are read to their end first.
  void Extend(SlotGroup next) EXCLUDES(mutex_);

  // From now on there is a group that nobody reads before it is given to Switch() or Extend(),
  // which end this, and so does DropNext(). The slot's groups may lose their marks, so that what
  // happens is in that group alone; its queue was empty at `since_usec`.
  void AwaitNext(std::int64_t since_usec) { next_since_usec_ = since_usec; }
  void DropNext() { next_since_usec_ = kNoNext; }

  // Waits for events or an order and serves it. False: Stop() was called.
  bool Step() EXCLUDES(mutex_);
  // Ends Step() soon. Needs a spool that is closed if it may be full.
  void Stop() EXCLUDES(mutex_);

  // Makes Step() return once, if it waits for events; it then has a beat more.
  void Nudge();
  std::uint64_t beats() const { return beats_.load(std::memory_order_relaxed); }

  std::uint64_t events_read() const { return events_read_.load(std::memory_order_relaxed); }
  std::uint64_t drains() const { return drains_.load(std::memory_order_relaxed); }

 private:
  struct Order {
    bool drain = false;
    std::shared_ptr<Ticket> drained;
    std::shared_ptr<Marker> marker;
    SlotGroup next;
    bool keep_old = false;
  };

  void Push(Order order) EXCLUDES(mutex_);
  bool TakeOrder(Order* order) EXCLUDES(mutex_);
  bool Stopping() EXCLUDES(mutex_);
  void Serve(Order order);
  void Wait(bool for_events, std::int64_t timeout_usec);
  void AwaitEvents();
  void DrainSlot();
  void Join(SlotGroup group);
  void Leave();
  void TellWhoIsRead();
  std::int64_t CompleteUsec() const;
  bool DrainGroup(SlotGroup& slot);
  bool ReadOnce(SlotGroup& slot, std::uint64_t* count);
  std::span<std::byte> AwaitRoom(SlotGroup& slot);
  void ThrowAway(SlotGroup& slot);
  void TellLoss();

  Clock& clock_;
  Spool& spool_;
  Closer& closer_;
  HotFiles& hot_;
  const ReaderOptions options_;
  UniqueFd wake_;  // an eventfd: an order came

  Mutex mutex_;
  std::deque<Order> orders_ GUARDED_BY(mutex_);
  bool stopping_ GUARDED_BY(mutex_) = false;

  // The thread's own.
  std::vector<SlotGroup> slot_;    // the last one has the marks
  std::uint64_t groups_ = 0;       // that were in it so far
  bool events_waiting_ = false;    // poll says so
  std::int64_t drained_usec_ = 0;  // CLOCK_MONOTONIC: the last drain that nobody had asked for
  bool read_failed_ = false;       // in the last drain
  std::optional<ReadTimes> lost_;  // between these times events were thrown away

  static constexpr std::int64_t kNoNext = std::numeric_limits<std::int64_t>::max();
  std::atomic<std::int64_t> next_since_usec_ = kNoNext;
  std::atomic<std::uint64_t> events_read_ = 0;
  std::atomic<std::uint64_t> drains_ = 0;
  std::atomic<std::uint64_t> beats_ = 0;
};

}  // namespace cj
