// The writer's side of strict mode: takes intents out of the ring, has them translated, and tells
// the responder how durable they are.
//
// An intent belongs to the period that is open when it is taken. One that came while a checkpoint
// was under way belongs to the period after as well: its program looked at the marks of both, or
// was already past them, and may write at any time. The same holds for the last few that came
// before: a program that was let through may still be on its way out of open(2), where no scan of
// descriptors sees it.
//
// Not thread-safe: the writer's.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "checkpoint/intent_ring.h"
#include "checkpoint/responder.h"
#include "checkpoint/spool.h"
#include "checkpoint/translate.h"
#include "journal/scope.h"

namespace cj {

class IntentIntake {
 public:
  // Intents that came so shortly before a checkpoint began count as those of programs that are
  // still inside open(2); the last kMaxRecent of them.
  static constexpr std::int64_t kRecentUsec = 1'000'000;
  static constexpr std::size_t kMaxRecent = 1024;
  // Taken at a time, so that a batch stays bounded.
  static constexpr std::uint64_t kMaxTaken = 4096;

  // `places` judges where intents are; `reached` tells the responder; `level`: the highest that
  // some program waits for.
  IntentIntake(IntentRing& ring, Scope& places, IntentLevel level,
               std::function<void(IntentLevel, std::uint64_t)> reached);

  // Intents count in other trees from now on.
  void SetWatches(const std::vector<Watch>& watches) { places_.SetWatches(watches); }
  // There is something in the ring that was not taken.
  bool waiting() const;
  // ... and more than one Take() takes: it had better go on at once.
  bool many() const { return ring_.last() - taken_ >= kMaxTaken; }
  bool sync() const { return level_ == IntentLevel::kSynced; }
  // Some of them must not wait for the end of a drain: a program does, or the ring is filling up.
  bool urgent() const { return level_ != IntentLevel::kKept || many(); }
  // Some that programs wait for are stored and would not survive power loss.
  bool unsynced() const { return sync() && synced_ < appended_; }
  // Translates what waits, at most kMaxTaken. False: there was nothing.
  bool Take(std::int64_t now_usec, EventTranslator* translator, Translation* out);
  // Files that are open for writing, as intents of the translator's period.
  void TakeWriters(const Marker& marker, EventTranslator* translator, Translation* out);
  // After the period has turned: what belongs to the new one, too. Those of marker.turn and the
  // recent ones, and marker.writers.
  void Carry(const Marker& marker, EventTranslator* translator, Translation* out);
  // All that was taken is stored; then, that it survives power loss.
  void Appended();
  void Synced();

 private:
  void BeginPlaces();
  void Remember(Intent intent);
  void EndTurn();
  void TakeMissed(EventTranslator* translator, Translation* out);

  IntentRing& ring_;
  Scope& places_;
  const IntentLevel level_;
  const std::function<void(IntentLevel, std::uint64_t)> reached_;
  std::uint64_t taken_;             // the number of the last one
  std::uint64_t appended_ = 0;      // ... that is stored
  std::uint64_t synced_ = 0;        // ... that survives power loss
  std::uint64_t missed_taken_ = 0;  // MissedIntents::count of the last look
  std::vector<Intent> turning_;     // of one turn
  std::deque<Intent> recent_;
};

}  // namespace cj
