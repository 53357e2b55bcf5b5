// The thread that answers programs which wait for a permission event (strict mode). Programs stand
// still until it answers, so it does nothing that can make it wait: it takes no lock that is held
// across anything but a few instructions, allocates nothing per event, opens nothing, logs nothing
// and knows no store. It never says no.
//
//   own process          allowed at once (the store may lie on the volume: it must not wait for us)
//   nobody may write     allowed at once
//   else                 the intent goes into the ring; when it is as durable as was asked, the
//                        object is ignored for the rest of the period, and the program goes on
//
// Nobody waits longer than the deadline. When it passes, the program goes on, the ring notes that
// it went on unrecorded (a gap, once the writer comes to it), and from then on nobody waits until
// the writer has caught up: a store that hangs costs the applications one deadline, not one each.
//
// One thread runs Step() in a loop; the other methods may be called from any thread.
#pragma once

#include <poll.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/thread_annotations.h"
#include "base/unique_fd.h"
#include "checkpoint/closer.h"
#include "checkpoint/intent_ring.h"
#include "fanotify/pre_group.h"

namespace cj {

// How long a program waits at most. Far more than a sync of a healthy disk takes, far less than
// people notice.
inline constexpr std::int64_t kAnswerDeadlineUsec = 100'000;

// What an intent must survive before its program goes on.
enum class IntentLevel : std::uint8_t {
  kKept,      // this process: the ring is kept by others
  kAppended,  // this process: the store has it
  kSynced,    // power loss
};

struct ResponderOptions {
  std::int64_t deadline_usec = kAnswerDeadlineUsec;
  // After an event that came soon after another the next one is looked for this long without
  // sleeping: being woken costs the program more than all the rest. An idle machine stays idle.
  std::int64_t spin_usec = 50;
};

// A volume's group of one period. Shared with the one who marks it.
struct PreSlot {
  std::unique_ptr<PreGroup> group;
  VolumeId volume;
  IntentLevel level = IntentLevel::kKept;
};

struct ResponderCounters {
  std::uint64_t events = 0;   // answered
  std::uint64_t intents = 0;  // recorded
  std::uint64_t own = 0;      // of this process
  std::uint64_t missed = 0;   // went on unrecorded, or before their intent was durable
};

class Responder {
 public:
  // Programs that wait for a durable intent at a time. Each takes a descriptor. Beyond that they go
  // on unrecorded: the descriptors of the process must not run out (pre_group.h).
  static constexpr std::size_t kMaxHeld = 1024;
  // Groups at a time: two per volume, and what a slow machine has not closed yet.
  static constexpr std::size_t kMaxSlots = 2048;

  class Listener {
   public:
    virtual ~Listener() = default;
    // There is something for the writer; `awaited`: a program waits for it. Must not block.
    virtual void IntentPushed(bool awaited) = 0;
  };
  // All references outlive the responder.
  Responder(Clock& clock, IntentRing& ring, Closer& closer, Listener& listener,
            const ResponderOptions& options);
  ~Responder();

  // Events of the slot are answered from when this returns: then it may be marked. kLimit.
  Status Add(std::shared_ptr<PreSlot> slot) EXCLUDES(mutex_);
  // The slot's marks are gone: when all its events are answered, it is closed.
  void Retire(const std::shared_ptr<PreSlot>& slot) EXCLUDES(mutex_);
  // Intents that come from now on are of this checkpoint's next period, too; 0: of none.
  void SetTurn(std::uint32_t turn) { turn_.store(turn); }

  // The writer's: all intents up to this number have reached the level, and all lower ones.
  void Reached(IntentLevel level, std::uint64_t number);

  // Waits for events and answers them. False: Stop() was called, and every slot is retired.
  bool Step() EXCLUDES(mutex_);
  void Stop();

  // Makes a waiting Step() return; it then has a beat more.
  void Nudge();
  std::uint64_t beats() const { return beats_.load(std::memory_order_relaxed); }
  ResponderCounters counters() const;
  // Since when nobody waits because the writer does not keep up (CLOCK_MONOTONIC); 0: it does.
  std::int64_t hasty_since_usec() const { return hasty_since_usec_.load(); }

 private:
  struct Held {  // a program that waits
    PreSlot* slot = nullptr;
    std::int32_t fd = -1;
    std::int32_t pid = 0;
    std::uint64_t number = 0;  // of its intent; 0: there was no room for it
    std::int64_t deadline_usec = 0;
  };
  struct Serving {
    std::shared_ptr<PreSlot> slot;
    bool retiring = false;
    bool drained = false;  // since it is retiring
  };

  void TakeOrders() EXCLUDES(mutex_);
  bool DrainSlots();
  bool Drain(Serving& serving);
  void Handle(PreSlot& slot, const PreEvent& event);
  void Record(PreSlot& slot, const PreEvent& event);
  std::uint64_t Push(PreSlot& slot, std::int32_t fd, std::int32_t pid);
  bool IsReached(const PreSlot& slot, std::uint64_t number) const;
  void LetWrite(PreSlot& slot, std::int32_t fd);
  void Miss(PreSlot& slot, std::int32_t fd);
  void EndHaste();
  bool ReleaseHeld();
  void CloseRetired();
  void Wait();

  Clock& clock_;
  IntentRing& ring_;
  Closer& closer_;
  Listener& listener_;
  const ResponderOptions options_;
  const std::int32_t own_pid_;
  UniqueFd wake_;

  Mutex mutex_;
  std::vector<std::shared_ptr<PreSlot>> added_ GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<PreSlot>> retired_ GUARDED_BY(mutex_);
  std::size_t slots_ GUARDED_BY(mutex_) = 0;
  std::atomic<bool> ordered_ = false;

  std::atomic<bool> stopping_ = false;
  std::atomic<std::uint32_t> turn_ = 0;
  std::array<std::atomic<std::uint64_t>, 3> reached_{};
  std::atomic<bool> holding_ = false;

  // The thread's own.
  std::vector<Serving> serving_;
  std::vector<Held> held_;  // oldest first
  std::array<std::byte, kPreReadBytes> buffer_{};
  std::vector<pollfd> polled_;
  bool read_failed_ = false;
  bool spinning_ = false;
  std::int64_t busy_usec_ = 0;  // when there last was something to do
  // Nobody waits until all intents up to this number have reached this level.
  bool hasty_ = false;
  std::uint64_t hasty_until_ = 0;
  IntentLevel hasty_level_ = IntentLevel::kAppended;

  std::atomic<std::int64_t> hasty_since_usec_ = 0;
  std::atomic<std::uint64_t> beats_ = 0;
  std::atomic<std::uint64_t> events_ = 0;
  std::atomic<std::uint64_t> intents_ = 0;
  std::atomic<std::uint64_t> own_ = 0;
  std::atomic<std::uint64_t> missed_ = 0;
};

}  // namespace cj
