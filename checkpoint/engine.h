// The engine: from the kernel's queue to the store, and from one period to the next. It owns the
// open slot's group, the reader thread (kernel only) and the writer thread (store only).
//
// StartEngine() returns when the volumes are marked and the open period is in the store.
// Checkpoint() and Flush() block for some milliseconds to tens of them and may be called from any
// thread at any time; never call them from a thread that must not block. Proof of what they
// promise: docs/race-freedom.md.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "fanotify/kernel.h"
#include "journal/record.h"
#include "journal/scope.h"
#include "journal/store.h"

namespace cj {

struct EngineOptions {
  std::int64_t drain_interval_usec = 10'000;    // the kernel merges events meanwhile
  std::int64_t sync_interval_usec = 1'000'000;  // appended records survive power loss after this
  bool unlimited_queue = true;
};

struct EngineCounters {
  std::uint64_t events_read = 0;  // events taken from the kernel
  std::uint64_t records_stored = 0;
  std::uint64_t out_of_scope = 0;
  std::uint64_t duplicates = 0;  // dropped by the dedupe table
  std::uint64_t drains = 0;      // progress of the reader, for the watchdog
  std::uint64_t appends = 0;     // progress of the writer
  std::uint64_t checkpoints = 0;
  std::uint64_t overflows = 0;
  std::string storage_error;  // why records are not being stored; empty when all is well
};

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

  // Called on the writer thread after each append with the number of the last record stored; must
  // not block. One listener; set it before Start's caller lets anyone else in.
  virtual void SetAppendListener(std::function<void(SequenceNumber)> listener) = 0;

  virtual EngineCounters counters() const = 0;

  // Drains once more, stores, syncs, ends the threads. Idempotent; the destructor does it, too.
  virtual Status Stop() = 0;
};

// Marks every volume, continues the store's open period or opens the first one. What happened
// before is unknown: a period that the store had open gets a gap ("the daemon was not running") and
// is sealed, and a new one begins. All references outlive the engine; `scope` is used by the writer
// thread only.
Result<std::unique_ptr<Engine>> StartEngine(Kernel& kernel, Store& store, Scope& scope,
                                            Clock& clock, std::vector<VolumeMount> volumes,
                                            const EngineOptions& options);

}  // namespace cj
