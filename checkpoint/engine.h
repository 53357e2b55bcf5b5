// The engine: from the kernel's queue to the store, and from one period to the next. It owns the
// open slot's group, the reader thread (kernel only) and the writer thread (store only).
//
// StartEngine() returns when the volumes are marked and the open period is in the store.
// Checkpoint(), Flush() and Drain() block for some milliseconds to tens of them and may be called
// from any thread at any time; never call them from a thread that must not block. Proof of what
// they promise: docs/race-freedom.md.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "checkpoint/crawl_batch.h"
#include "checkpoint/processes.h"
#include "checkpoint/reader_options.h"
#include "checkpoint/slot_group.h"
#include "checkpoint/spool.h"
#include "checkpoint/strict_mode.h"
#include "checkpoint/watch_source.h"
#include "fanotify/kernel.h"
#include "journal/record.h"
#include "journal/scope.h"
#include "journal/store.h"

namespace cj {

// Where the engine began.
struct EngineStart {
  bool inherited = false;    // it goes on where another process was ended, without a gap
  std::size_t replayed = 0;  // buffers that the other had read and not stored
  std::string refused;       // why what another left behind was of no use; a clause
};

struct EngineOptions {
  ReaderOptions reader;
  std::int64_t sync_interval_usec = 1'000'000;  // appended records survive power loss after this
  bool unlimited_queue = true;
  DescriptorKeeper* keeper = nullptr;  // outlives the engine; null: a crash is a gap
  std::string watched;                 // what is watched, and how: inherited events must be of that
  WatchSource* watches = nullptr;      // outlives the engine; null: what is watched never changes
  ProcessReader* processes = nullptr;  // outlives the engine; null: nobody asks who did it
  StrictOptions strict;  // volumes in strict mode; those are among the engine's volumes
};

struct EngineCounters {
  std::uint64_t events_read = 0;  // events taken from the kernel
  std::uint64_t records_stored = 0;
  std::uint64_t out_of_scope = 0;
  std::uint64_t duplicates = 0;  // dropped by the dedupe table
  std::uint64_t ignored = 0;     // times a file was to be ignored (hot_files.h)
  std::uint64_t drains = 0;      // progress of the reader, for the watchdog
  std::uint64_t appends = 0;     // progress of the writer
  std::uint64_t checkpoints = 0;
  std::uint64_t overflows = 0;
  SpoolUse spool;
  bool survives_kill = false;         // should this process be ended, the next one can go on
  ResponderCounters strict;           // strict mode
  std::int64_t hasty_since_usec = 0;  // strict mode: StrictMode::hasty_since_usec()
  std::string storage_error;          // why records are not being stored; empty when all is well
};

// A disk may be slow; one that has not answered for so long will not, and another process may find
// out more (or the store is stuck).
inline constexpr std::int64_t kStorePatienceUsec = 600'000'000;

struct CheckpointResult {
  PeriodInfo sealed;
  PeriodInfo opened;  // opened.id is the checkpoint T
};

class Engine {
 public:
  virtual ~Engine() = default;

  // A new period. Everything completed before this call is in the period it ends; when it returns,
  // the boundary is durable. Calls are served one after the other.
  virtual Result<CheckpointResult> Checkpoint(const std::string& label) = 0;

  // Everything completed before this call, stores through mappings included, is in the store when
  // it returns. Calls that wait at the same time share one drain.
  virtual Status Flush() = 0;

  // The same for what the kernel reports: every event of what was completed before this call. Does
  // not look for stores through mappings.
  virtual Status Drain() = 0;

  // Stores what a crawl has found, behind all that had been read before, in the period that is open
  // then. The gaps that are to be filled are filled in that period.
  virtual Status StoreCrawled(CrawlBatch batch) = 0;

  // Filesystems may have come or gone, and a Flush() will look for them. Until then what is stored
  // does not say that everything up to a later time is known. Does not block; any thread.
  virtual void MountsChanged() = 0;
  // There has been no such look since, or it could not see everything: Flush() looks again.
  virtual bool LookIsDue() const = 0;

  // Called on the writer thread after each append with the number of the last record stored; must
  // not block. One listener; set it before Start's caller lets anyone else in.
  virtual void SetAppendListener(std::function<void(SequenceNumber)> listener) = 0;

  // Both threads have moved since the last call, or stood still for a reason: no room in the spool,
  // or a store that has not answered for less than kStorePatienceUsec. True the first time. Nudges
  // them for the next call, so leave time between calls. One caller at a time.
  virtual bool Alive() = 0;

  // Records that have been read so far were told to somebody who goes on behind them: a further
  // change of the same object in the same period is recorded once more. Returns soon.
  virtual void Told() = 0;
  virtual EngineCounters counters() const = 0;
  virtual const EngineStart& start() const = 0;

  // Drains once more, stores, syncs, ends the threads. Idempotent; the destructor does it, too.
  virtual Status Stop() = 0;
};

// With groups and spool of a process before this one in `kept` the open period goes on, without a
// gap. Else marks every volume, and a new period begins: what happened before is unknown, and the
// period that the store had open gets a gap ("the daemon was not running"). A volume that the kept
// groups had lost becomes a gap at the first flush or checkpoint. All references outlive the
// engine; `scope` is used by the writer thread only.
Result<std::unique_ptr<Engine>> StartEngine(Kernel& kernel, Store& store, Scope& scope,
                                            Clock& clock, std::vector<VolumeMount> volumes,
                                            const EngineOptions& options,
                                            std::vector<KeptDescriptor> kept = {});

}  // namespace cj
