// From one period to the next: the order of steps that makes a checkpoint race-free. Each step is
// one call in Run(); docs/race-freedom.md proves from their order that no change is lost, and
// tests/checkpoint/ builds this file once more for every step, without it, to see a test fail.
//
// One caller at a time, from any thread; a checkpoint takes some milliseconds to tens of them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "checkpoint/closer.h"
#include "checkpoint/engine.h"
#include "checkpoint/reader.h"
#include "checkpoint/spool.h"
#include "checkpoint/ticket.h"
#include "checkpoint/writer.h"
#include "fanotify/kernel.h"

namespace cj {

// What a checkpoint works with. All outlive the alternation.
struct Machinery {
  Kernel& kernel;
  Clock& clock;
  Reader& reader;
  Writer& writer;
  Waiters& waiters;
  Closer& closer;
};

class Alternation {
 public:
  // `volumes`: one for each volume.
  Alternation(const Machinery& machinery, std::vector<VolumeMount> volumes, bool unlimited_queue);

  // The first slot: a group that has every volume marked. Before the reader runs.
  Status OpenFirst();

  // A checkpoint. When it fails, the open period goes on, with every volume marked all the time and
  // nothing lost.
  Result<CheckpointResult> Run(const std::string& label);

  // Stores what has changed up to now: queued events and silent writers.
  Status Flush();

 private:
  Status StoreQueued();
  Status OpenNext();
  Status AwaitNotifications();
  Status ScanSilentWriters();
  void UnmarkOpen();
  Status DrainOpen();
  Error KeepBoth(const Error& error);
  void SwitchAndSeal(const std::string& label);
  Status AwaitSeal(CheckpointResult* result);
  std::shared_ptr<Marker> NewMarker();
  std::shared_ptr<Ticket> NewTicket();

  Machinery machinery_;
  const std::vector<VolumeMount> volumes_;
  const bool unlimited_queue_;
  EventGroup* open_ = nullptr;  // the reader's: the group with the marks

  // Of the checkpoint that is being made.
  SlotGroup next_;
  std::vector<SilentWriter> silent_;
  std::int64_t silent_usec_ = 0;
  std::shared_ptr<Marker> seal_;
};

}  // namespace cj
