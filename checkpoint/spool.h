// The way from the reader to the writer: a bounded ring of buffers with raw events, and markers
// that keep their place among them. First in, first out.
//
// A buffer is given back when what is in it has been stored: until then its bytes are in memory
// that outlives the process (spool_memory.h). When the ring is full the reader waits, and the
// kernel's queue holds what comes next: memory here is bounded whatever the store does. One reader
// thread and one writer thread; Close() from any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/thread_annotations.h"
#include "checkpoint/crawl_batch.h"
#include "checkpoint/spool_memory.h"
#include "checkpoint/ticket.h"
#include "checkpoint/translate.h"
#include "checkpoint/watch_source.h"
#include "fanotify/kernel.h"
#include "journal/record.h"

namespace cj {

// What is to be done when all that was read before it has been translated.
struct Marker {
  std::vector<SilentWriter> silent;  // changes of the period that is open here
  std::int64_t silent_usec = 0;
  std::int64_t scanned_usec = 0;           // CLOCK_REALTIME: when the last scan for them began
  std::vector<Gap> gaps;                   // found out beside the events
  bool events_missing = false;             // between those before and those behind the marker
  CrawlBatch crawl;                        // what a crawl has found
  std::shared_ptr<const Binding> binding;  // what is watched by now; null: as before
  // Strict mode: files that are open for writing. Intents of the period that is open behind the
  // marker: with a seal, of the new one. `turn`: intents with this number are, too.
  std::vector<SilentWriter> writers;
  std::uint32_t turn = 0;
  std::int64_t turn_usec = 0;  // when it began
  bool seal = false;           // ends the period, otherwise only stores
  std::string label;           // of the checkpoint, when seal
  std::shared_ptr<Ticket> ticket;
  // When seal: set by the writer before it completes the ticket with success.
  PeriodInfo sealed;
  PeriodInfo opened;
  // Set by the reader: what happened before was read before the marker. 0: not known.
  std::int64_t complete_usec = 0;
};

// One thing in the ring. Exactly one of the kinds.
struct SpoolItem {
  enum class Kind { kEvents, kLoss, kEndOfDrain, kMarker };
  Kind kind = Kind::kEvents;
  ReadTimes times;                   // kEvents, kLoss
  std::int64_t complete_usec = 0;    // not of markers: what happened before is in this or earlier
  std::uint64_t group = 0;           // kEvents: the number of the group; 0: of another process's
  std::span<const std::byte> bytes;  // kEvents: whole events; kLoss: why; valid until Release()
  std::uint64_t number = 0;          // kEvents, kLoss: of the buffer
  std::shared_ptr<Marker> marker;    // kMarker
};

// What has been read from the kernel and is not stored yet.
struct SpoolUse {
  std::uint64_t bytes = 0;
  std::uint64_t capacity_bytes = 0;
  std::int64_t oldest_usec = 0;  // CLOCK_REALTIME: when the oldest of it was read; 0: there is none
};

// What may be missing without a word of it: see Spool::Missing().
enum class Loss {
  kThrownAway,  // events that were read when there was no room for them: the reader's
  kUnmarked     // what happened to a filesystem before it had its mark again: the alternation's
};

class Spool {
 public:
  static constexpr std::size_t kBufferBytes = SpoolMemory::kSlotBytes;
  static constexpr std::size_t kBuffers = SpoolMemory::kSlots;

  // `left` is what Recover() found in the memory: it comes out first, as one drain. Up to
  // `complete_usec` the process before knew everything.
  explicit Spool(SpoolMemory memory, const std::vector<SpoolMemory::Found>& left = {},
                 std::int64_t complete_usec = 0);

  // Which spool it is, for SpoolPosition.
  std::uint64_t id() const { return id_; }

  // Reader. A free buffer, the same one until Publish(); waits while all are full, for at most
  // `timeout_usec`. Empty: closed, or the time is over. What is read into it happened after
  // `since_usec`.
  std::span<std::byte> Acquire(std::int64_t since_usec, std::int64_t timeout_usec) EXCLUDES(mutex_);
  // Hands the first `size` bytes of the acquired buffer to the writer. What happened before
  // `complete_usec` is in it or has been handed over. `group`: SlotGroup::number.
  void Publish(std::size_t size, const ReadTimes& times, std::int64_t complete_usec,
               std::uint64_t group) EXCLUDES(mutex_);
  // The same, but with the reason why there are no events in it.
  void PublishLoss(std::string_view why, const ReadTimes& times, std::int64_t complete_usec)
      EXCLUDES(mutex_);
  // What happened before `complete_usec` has been handed over.
  void PushEndOfDrain(std::int64_t complete_usec) EXCLUDES(mutex_);
  void PushMarker(std::shared_ptr<Marker> marker) EXCLUDES(mutex_);

  // Writer. The next item; nullopt after `timeout_usec` (negative: never), when woken by Wake(), or
  // when closed and empty.
  std::optional<SpoolItem> Take(std::int64_t timeout_usec) EXCLUDES(mutex_);
  // Gives back the buffers of all items taken so far. `recorded`: the store has them, and the
  // number of the last one; else there was nothing to be stored in them.
  void Release(bool recorded) EXCLUDES(mutex_);

  // What is watched, for the process that inherits the memory.
  void SetWatched(std::string_view text) EXCLUDES(mutex_);
  // Any thread. Something is missing, and neither the memory nor the store tells of it: until
  // Told() nobody inherits the memory.
  void Missing(Loss what) EXCLUDES(mutex_);
  void Told(Loss what) EXCLUDES(mutex_);
  // Any thread. Something that happened after `since_usec` may be missing: nothing later than that
  // is called complete in what is handed over from now on, so that who begins with a gap begins it
  // early enough. Ends with the next look that ends well.
  void Hold(std::int64_t since_usec) EXCLUDES(mutex_);
  // A look at what may be missing begins, `since_usec` as above. LetGo() with the number of the
  // last one: what it found is stored. What was held since it began stays held.
  std::uint64_t HoldForLook(std::int64_t since_usec) EXCLUDES(mutex_);
  void LetGo(std::uint64_t look) EXCLUDES(mutex_);
  // A look is due: something is held.
  bool held() const EXCLUDES(mutex_);

  SpoolUse use() const EXCLUDES(mutex_);

  // The reader stands still because there is no room.
  bool full() const EXCLUDES(mutex_);

  // Ends a Take() early, the present one or else the next.
  void Wake() EXCLUDES(mutex_);
  // Nothing more comes in; what is in can still be taken.
  void Close() EXCLUDES(mutex_);
  bool closed() const EXCLUDES(mutex_);

 private:
  struct Buffer {
    std::size_t slot = 0;
    std::uint64_t number = 0;
    std::size_t size = 0;        // once it is filled
    std::int64_t read_usec = 0;  // likewise
  };

  void PublishAs(SpoolMemory::Content content, std::size_t size, SpoolItem item) EXCLUDES(mutex_);
  std::int64_t NoLaterThanHeld(std::int64_t usec) const REQUIRES(mutex_);

  const std::uint64_t id_;
  mutable Mutex mutex_;
  ConditionVariable changed_;
  SpoolMemory memory_ GUARDED_BY(mutex_);  // of each slot the bytes are its owner's alone
  std::vector<std::size_t> free_ GUARDED_BY(mutex_);
  std::deque<SpoolItem> items_ GUARDED_BY(mutex_);
  std::deque<Buffer> filled_ GUARDED_BY(mutex_);  // in the ring, or taken and not given back
  std::uint64_t last_taken_ GUARDED_BY(mutex_) = 0;
  std::optional<Buffer> acquired_ GUARDED_BY(mutex_);
  std::span<std::byte> acquired_bytes_ GUARDED_BY(mutex_);
  std::string watched_ GUARDED_BY(mutex_);
  std::set<Loss> missing_ GUARDED_BY(mutex_);
  std::optional<std::int64_t> held_usec_ GUARDED_BY(mutex_);       // since the last look began
  std::optional<std::int64_t> look_held_usec_ GUARDED_BY(mutex_);  // for that look to let go
  std::uint64_t looks_ GUARDED_BY(mutex_) = 0;
  bool woken_ GUARDED_BY(mutex_) = false;
  bool closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace cj
