// The way from the reader to the writer: a bounded ring of buffers with raw events, and markers
// that keep their place among them. First in, first out.
//
// When the ring is full the reader waits, and the kernel's queue holds what comes next: memory here
// is bounded whatever the store does. One reader thread and one writer thread; Close() from any.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/thread_annotations.h"
#include "checkpoint/ticket.h"
#include "checkpoint/translate.h"
#include "fanotify/kernel.h"
#include "journal/record.h"

namespace cj {

// What is to be done when all that was read before it has been translated.
struct Marker {
  std::vector<SilentWriter> silent;  // changes of the period that is open here
  std::int64_t silent_usec = 0;
  bool seal = false;  // ends the period, otherwise only stores
  std::string label;  // of the checkpoint, when seal
  std::shared_ptr<Ticket> ticket;
  // When seal: set by the writer before it completes the ticket with success.
  PeriodInfo sealed;
  PeriodInfo opened;
};

// One thing in the ring. Exactly one of the kinds.
struct SpoolItem {
  enum class Kind { kEvents, kLoss, kEndOfDrain, kMarker };
  Kind kind = Kind::kEvents;
  ReadTimes times;                   // kEvents, kLoss
  std::span<const std::byte> bytes;  // kEvents: whole events; valid until Release()
  std::size_t buffer = 0;            // kEvents
  std::string loss;                  // kLoss: why events were lost
  std::shared_ptr<Marker> marker;    // kMarker
};

class Spool {
 public:
  // 64 KiB hold some 700 events: reading costs one system call for all of them. 64 buffers (4 MiB)
  // are a quarter of a second of a store that takes 0.2 million records per second.
  static constexpr std::size_t kBufferBytes = 64 * 1024;
  static constexpr std::size_t kBuffers = 64;

  Spool();

  // Reader. A free buffer, the same one until Publish(); waits while all are full. Empty: closed.
  std::span<std::byte> Acquire() EXCLUDES(mutex_);
  // Hands the first `size` bytes of the acquired buffer to the writer.
  void Publish(std::size_t size, const ReadTimes& times) EXCLUDES(mutex_);
  void PushLoss(std::string why, const ReadTimes& times) EXCLUDES(mutex_);
  void PushEndOfDrain() EXCLUDES(mutex_);
  void PushMarker(std::shared_ptr<Marker> marker) EXCLUDES(mutex_);

  // Writer. The next item; nullopt after `timeout_usec` (negative: never), when woken by Wake(), or
  // when closed and empty.
  std::optional<SpoolItem> Take(std::int64_t timeout_usec) EXCLUDES(mutex_);
  // Gives the buffer of a kEvents item back.
  void Release(const SpoolItem& item) EXCLUDES(mutex_);

  // Ends a Take() early, the present one or else the next.
  void Wake() EXCLUDES(mutex_);
  // Nothing more comes in; what is in can still be taken.
  void Close() EXCLUDES(mutex_);
  bool closed() const EXCLUDES(mutex_);

 private:
  using Buffer = std::array<std::byte, kBufferBytes>;

  void Push(SpoolItem item) EXCLUDES(mutex_);

  mutable Mutex mutex_;
  ConditionVariable changed_;
  std::vector<std::unique_ptr<Buffer>> buffers_;  // each has one owner at a time; see free_
  std::vector<std::size_t> free_ GUARDED_BY(mutex_);
  std::deque<SpoolItem> items_ GUARDED_BY(mutex_);
  std::optional<std::size_t> acquired_ GUARDED_BY(mutex_);
  bool woken_ GUARDED_BY(mutex_) = false;
  bool closed_ GUARDED_BY(mutex_) = false;
};

}  // namespace cj
