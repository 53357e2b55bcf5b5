// Strict mode as the rest of the engine sees it: the volumes whose programs wait until it is on
// record that they may change a file, their groups, and the thread that answers.
//
// The groups turn over with the periods, beside those for events, so that the ignore marks of a
// period die with it. The order is simple because the new groups are marked first and the old ones
// are retired last, whatever became of the checkpoint: there is no moment at which an open for
// writing waits for nobody. docs/race-freedom.md has the argument.
//
// OpenNext(), Retire(), CheckMarks(), SetVolumes() and Stop(): one caller at a time (Alternation).
// The rest: any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "checkpoint/closer.h"
#include "checkpoint/intent_intake.h"
#include "checkpoint/intent_ring.h"
#include "checkpoint/responder.h"
#include "checkpoint/slot_group.h"
#include "checkpoint/strict_volume.h"
#include "fanotify/kernel.h"
#include "journal/scope.h"

namespace cj {

struct StrictOptions {
  bool wanted = false;  // some tree is to be in strict mode, even if it is not there yet
  bool sync = false;    // ... and its intents are to survive power loss
  std::vector<StrictVolume> volumes;  // one for each that is there
  Scope* scope = nullptr;             // where intents count; used by the writer thread only
  std::int64_t deadline_usec = kAnswerDeadlineUsec;
};

// The ring that the process before left behind (`kept` may be invalid), or a new one. *safe: it
// outlives this process. One that cannot be understood is forgotten: its process left groups
// behind, too, and those have the events of whatever was done.
Result<IntentRing> InheritRing(JournalId journal, UniqueFd kept, DescriptorKeeper* keeper,
                               bool* safe);

class StrictMode : private Responder::Listener {
 public:
  // How long intents that nobody waits for may stay in the ring before the writer is woken for
  // them.
  static constexpr int kGatherMsec = 10;

  // `kept`: the ring outlives this process. `wake_writer` must not block. References outlive this.
  StrictMode(Kernel& kernel, Clock& clock, Closer& closer, IntentRing ring, bool kept,
             const StrictOptions& options, std::function<void()> wake_writer);
  ~StrictMode() override;

  IntentIntake& intake() { return intake_; }

  // New groups, marked on every volume that is there. From when this returns an open for writing
  // comes to them; what comes until Retire() counts for two periods. On failure nothing has
  // changed, and the groups that were there go on.
  Status OpenNext();
  // The number that this turn's intents have; 0: none is under way.
  std::uint32_t turn() const { return turn_; }
  // When it began, before anything was marked (CLOCK_REALTIME).
  std::int64_t turn_usec() const { return turn_usec_; }
  // All groups but the newest are given up when they have been answered.
  void Retire();
  // Volumes that were mounted anew are marked again.
  void CheckMarks();
  // Other volumes are in strict mode from now on, or the same as other devices. Those that are new
  // get groups at once. An error names the first that cannot be; the others are served, and it is
  // left out until it is named again.
  Status SetVolumes(std::vector<StrictVolume> volumes);
  // Files that are open for writing now, on volumes that are there. kernel.h says which are not
  // found.
  Result<std::vector<SilentWriter>> ScanWriters(const std::set<VolumeId>& absent);

  // The answering thread has moved since the last call, or had nothing to do. Nudges it.
  bool Alive();
  ResponderCounters counters() const { return responder_.counters(); }
  // Since when programs are let through without waiting for their intents; 0: they wait.
  std::int64_t hasty_since_usec() const { return responder_.hasty_since_usec(); }

  // Nobody waits for us any more. Idempotent.
  void Stop();

 private:
  struct Serving {
    StrictVolume volume;
    std::shared_ptr<PreSlot> slot;
  };

  void IntentPushed(bool awaited) override;
  IntentLevel LevelOf(bool sync) const;
  Status OpenOne(const StrictVolume& volume, std::vector<Serving>* opened);
  void Give(std::vector<Serving>& given);
  void Pump();

  Kernel& kernel_;
  Clock& clock_;
  const bool kept_;
  std::vector<StrictVolume> volumes_;
  IntentRing ring_;
  const std::function<void()> wake_writer_;
  UniqueFd pump_;
  std::atomic<bool> gathering_ = false;
  std::atomic<bool> awaited_ = false;
  std::atomic<bool> stopping_ = false;
  Responder responder_;
  IntentIntake intake_;

  std::vector<Serving> open_;  // the newest groups
  std::vector<Serving> old_;   // those of the period before, until Retire()
  std::uint32_t turn_ = 0;
  std::uint32_t last_turn_ = 0;
  std::int64_t turn_usec_ = 0;
  bool stopped_ = false;
  std::uint64_t seen_ = 0;

  std::thread pump_thread_;
  std::thread responder_thread_;
};

}  // namespace cj
