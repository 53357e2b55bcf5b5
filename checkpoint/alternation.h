// From one period to the next: the order of steps that makes a checkpoint race-free. Each step is
// one call in Run(); docs/race-freedom.md proves from their order that no change is lost, and
// tests/checkpoint/ builds this file once more for every step, without it, to see a test fail.
//
// One caller at a time, from any thread; a checkpoint takes some milliseconds to tens of them.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "checkpoint/closer.h"
#include "checkpoint/engine.h"
#include "checkpoint/reader.h"
#include "checkpoint/slot_group.h"
#include "checkpoint/spool.h"
#include "checkpoint/strict_mode.h"
#include "checkpoint/ticket.h"
#include "checkpoint/watch_source.h"
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
  Spool& spool;
  DescriptorKeeper* keeper = nullptr;  // may be null
  WatchSource* watches = nullptr;      // may be null: what is watched never changes
};

class Alternation {
 public:
  // `volumes`: one for each volume.
  Alternation(const Machinery& machinery, std::vector<VolumeMount> volumes, bool unlimited_queue);

  // Volumes whose programs wait for us; outlives the alternation. Before anything else.
  void SetStrict(StrictMode* strict) { strict_ = strict; }

  // The first slot: a group that has every volume marked. Then BeginFirst(), when `period` is open
  // in the store and what was before is a gap. Before the reader runs.
  Status OpenFirst();
  void BeginFirst(PeriodId period);

  // Instead of OpenFirst(), for the open `period`: groups that another process has left behind,
  // oldest first. The newest of them gets the mark of every volume that one of them has. The first
  // Flush() or Run() finds the others, and that they were not watched since `known_usec`.
  Status OpenInherited(PeriodId period, std::vector<SlotGroup> groups, std::uint64_t next_serial,
                       std::int64_t known_usec);

  // Strict mode, when both threads run: the files that are open for writing already.
  Status BeginStrict();

  // A checkpoint. When it fails, the open period goes on, with every volume marked all the time and
  // nothing lost.
  Result<CheckpointResult> Run(const std::string& label);

  // Stores what has changed up to now: queued events and silent writers.
  Status Flush();

  // The open group outlives this process.
  bool kept() const { return kept_; }

 private:
  struct Unmarked {
    VolumeMount volume;
    bool there = false;
    bool fresh = false;  // it has come with the new binding, which says since when
  };

  Status LookAround();
  void SetStrictVolumes(const Binding& binding, std::int64_t from_usec);
  void AddUnwatched(std::int64_t from_usec);
  void NoteMarked(std::int64_t usec);
  std::int64_t LastLookUsec(std::int64_t now_usec) const;
  std::vector<Unmarked> FindUnmarked(const std::vector<VolumeMount>& volumes);
  void EndLook();
  bool MarkAgain(const std::vector<Unmarked>& unmarked, std::int64_t from_usec);
  Status StoreQueued();
  void GapsAreStored();
  Status OpenStrict();
  Status ScanOpenWriters();
  Status OpenNext();
  bool NoteRemounted(const std::vector<VolumeMount>& marked_in_next);
  Status AwaitNotifications();
  void KeepNext(PeriodId period);
  void DropNext();
  void TakeNext();
  Status ScanSilentWriters();
  void UnmarkOpen();
  Status DrainOpen();
  Error KeepBoth(const Error& error);
  void SwitchAndSeal(const std::string& label);
  Status AwaitSeal(CheckpointResult* result);
  std::shared_ptr<Marker> NewMarker();
  std::shared_ptr<Ticket> NewTicket();

  Machinery machinery_;
  std::vector<VolumeMount> volumes_;
  const bool unlimited_queue_;
  StrictMode* strict_ = nullptr;  // may be null
  EventGroup* open_ = nullptr;    // the reader's: the group with the marks
  PeriodId period_;               // the open one
  std::uint64_t serial_ = 1;      // of the next group, over all processes that inherit them

  bool kept_ = false;  // the open group is with the keeper

  std::int64_t marked_boottime_usec_ = 0;
  std::int64_t marked_usec_ = 0;            // when all volumes were last known to be marked
  std::set<VolumeId> absent_;               // volumes that were not mounted then
  std::vector<Gap> gaps_;                   // not stored yet
  bool events_missing_ = false;             // of a volume that was not marked for a while
  std::uint64_t look_ = 0;                  // the spool's number of the last look
  bool blind_ = false;                      // ... which could not see or mark everything
  bool marks_untold_ = false;               // gaps_ says what some mark has missed
  std::shared_ptr<const Binding> binding_;  // not in use yet
  std::set<Unwatched> unwatched_;           // seen, and not marked since

  // Of the checkpoint that is being made.
  SlotGroup next_;
  std::vector<SilentWriter> silent_;
  std::int64_t silent_usec_ = 0;
  std::int64_t scanned_usec_ = 0;  // when the last scan began
  std::vector<SilentWriter> writers_;
  bool strict_changed_ = false;  // volumes of strict mode whose writers are not known yet
  std::shared_ptr<Marker> seal_;
};

}  // namespace cj
