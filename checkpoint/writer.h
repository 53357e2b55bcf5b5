// The writer: takes what the reader put into the spool, translates it, and stores it: one batch per
// drain. It speaks to the store only.
//
// When the store fails, the batch that could not be stored is kept and tried again, after
// kRetryUsec or as soon as somebody waits for it (Kick); nothing more is taken from the spool
// meanwhile, so that memory stays bounded. Everybody who waits is told the error of each attempt.
//
// One thread runs Step() in a loop; Kick() and the getters may be called from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

#include "base/clock.h"
#include "base/thread_annotations.h"
#include "checkpoint/attribution.h"
#include "checkpoint/hot_files.h"
#include "checkpoint/intent_intake.h"
#include "checkpoint/spool.h"
#include "checkpoint/ticket.h"
#include "checkpoint/translate.h"
#include "journal/scope.h"
#include "journal/store.h"

namespace cj {

struct WriterOptions {
  std::int64_t sync_interval_usec = 1'000'000;
  HashKey key;
};

struct WriterCounters {
  TranslationCounters translation;
  std::uint64_t records_stored = 0;
  std::uint64_t appends = 0;
  std::string storage_error;
};

class Writer {
 public:
  // A batch is stored when a drain ends, or earlier when it has this many records and other rows
  // (some 4 MiB).
  static constexpr std::size_t kMaxBatchRecords = 16 * 1024;
  // ... or of this many buffers: a drain longer than the spool, all of it known already, must not
  // wait for an end that cannot come before there is room.
  static constexpr std::size_t kMaxHeldBuffers = Spool::kBuffers * 3 / 4;
  static constexpr std::int64_t kRetryUsec = 1'000'000;

  // All references outlive the writer.
  Writer(Store& store, Scope& scope, Clock& clock, Spool& spool, Waiters& waiters, HotFiles& hot,
         std::span<const VolumeMount> volumes, const WriterOptions& options);

  // Strict mode: where intents come from; outlives the writer. Before Begin().
  void SetIntents(IntentIntake* intents) { intents_ = intents; }
  // Who did it: outlives the writer. Before Begin().
  void SetAttribution(Attribution* attribution) {
    attribution_ = attribution;
    translator_.TellProcessesApart();
  }
  // Records belong to the store's open period. Before the first Step(). `inherited`: the first
  // events go on where another process was ended.
  void Begin(bool inherited = false);

  // Waits for something to do and does it. False: the spool is closed and empty, and all that could
  // be stored is stored and synced.
  bool Step();

  // Somebody waits: if a batch is waiting for its next attempt, make it now.
  void Kick() EXCLUDES(mutex_);

  // How often it has moved; and since when it waits for the store to answer (CLOCK_MONOTONIC in
  // microseconds; 0: it does not).
  std::uint64_t beats() const { return beats_.load(std::memory_order_relaxed); }
  std::int64_t store_since_usec() const { return store_since_usec_.load(); }

  void SetListener(std::function<void(SequenceNumber)> listener) EXCLUDES(mutex_);
  WriterCounters counters() const EXCLUDES(mutex_);
  // How the last sync went; meaningful when Step() has returned false.
  Status final_status() const EXCLUDES(mutex_);

 private:
  void Handle(const SpoolItem& item);
  void TranslateBuffer(const SpoolItem& item);
  void AttributeNew(const ReadTimes& times);
  void TranslateEvent(const Event& event, const SpoolItem& item);
  void ForgetLearned();
  void ForgetRecorded();
  void Serve(Marker& marker);
  void StoreIntents();
  Status StoreCarried(const Marker& marker);
  Status Seal(Marker& marker);
  Status NoteCrawl(const CrawlBatch& crawl);
  void Beat() { beats_.fetch_add(1, std::memory_order_relaxed); }
  Status StoreOnce();
  void ReleaseBuffers(bool recorded);
  Status StoreGaps();
  bool StoreAll();
  void AwaitRetry() EXCLUDES(mutex_);
  void SyncIfDue();
  Status SyncNow();
  void Stored(std::uint64_t records) EXCLUDES(mutex_);
  void TellListener() EXCLUDES(mutex_);
  void Failed(const Error& error) EXCLUDES(mutex_);
  void Publish() EXCLUDES(mutex_);

  Store& store_;
  Scope& scope_;
  Clock& clock_;
  Spool& spool_;
  Waiters& waiters_;
  HotFiles& hot_;
  const std::int64_t sync_interval_usec_;
  EventTranslator translator_;
  std::optional<std::string> watched_;  // to be stored: Binding::text
  IntentIntake* intents_ = nullptr;     // null: no watch is in strict mode

  Attribution* attribution_ = nullptr;  // null: nobody asks who did it

  // The thread's own.
  PeriodId period_;
  Translation pending_;           // translated, not stored
  std::size_t held_buffers_ = 0;  // that pending_ is of
  std::size_t attributed_ = 0;    // of its records
  ReadTimes times_;               // of the last buffer
  std::uint64_t losses_ = 0;      // Store::losses(), as of the last write
  SpoolPosition position_;        // of what is translated; stored with the next batch
  bool gave_up_ = false;          // the store failed after the spool was closed
  bool unsynced_ = false;
  std::int64_t sync_due_usec_ = 0;  // of CLOCK_MONOTONIC, when unsynced_

  std::atomic<std::uint64_t> beats_ = 0;
  std::atomic<std::int64_t> store_since_usec_ = 0;

  mutable Mutex mutex_;
  ConditionVariable kick_changed_;
  bool kicked_ GUARDED_BY(mutex_) = false;
  WriterCounters counters_ GUARDED_BY(mutex_);
  Status final_status_ GUARDED_BY(mutex_);
  std::function<void(SequenceNumber)> listener_ GUARDED_BY(mutex_);
};

}  // namespace cj
