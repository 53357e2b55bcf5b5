#include "checkpoint/intent_intake.h"

#include <algorithm>
#include <utility>

namespace cj {

IntentIntake::IntentIntake(IntentRing& ring, Scope& places, IntentLevel level,
                           std::function<void(IntentLevel, std::uint64_t)> reached)
    : ring_(ring),
      places_(places),
      level_(level),
      reached_(std::move(reached)),
      taken_(ring.first() - 1) {}

bool IntentIntake::waiting() const {
  const MissedIntents missed = ring_.Missed();
  return ring_.last() > taken_ || (missed.count != 0 && missed.count != missed_taken_);
}

bool IntentIntake::Take(std::int64_t now_usec, EventTranslator* translator, Translation* out) {
  if (!waiting()) return false;
  TakeMissed(translator, out);
  const std::uint64_t last = std::min(ring_.last(), taken_ + kMaxTaken);
  BeginPlaces();
  while (taken_ < last) {
    auto intent = ring_.At(++taken_);
    if (!intent || !intent->has_value()) {
      translator->AddGap("", "an intent could not be understood", {now_usec, now_usec}, out);
      continue;
    }
    translator->TranslateIntent(**intent, places_, out);
    if ((*intent)->turn == 0) {
      Remember(std::move(**intent));
      continue;
    }
    if (!turning_.empty() && turning_.front().turn != (*intent)->turn) EndTurn();
    turning_.push_back(std::move(**intent));
  }
  places_.EndBatch();
  return true;
}

// A directory may have moved since the last batch, and its event may not be translated yet; what is
// opened after the move must not be judged by where it was.
void IntentIntake::BeginPlaces() {
  places_.DirectoryMoved();
  places_.BeginBatch();
}

void IntentIntake::Remember(Intent intent) {
  recent_.push_back(std::move(intent));
  if (recent_.size() > kMaxRecent) recent_.pop_front();
}

// For the next one they are recent: their programs may still be inside open(2).
void IntentIntake::EndTurn() {
  for (Intent& intent : turning_) Remember(std::move(intent));
  turning_.clear();
}

void IntentIntake::TakeMissed(EventTranslator* translator, Translation* out) {
  const MissedIntents missed = ring_.Missed();
  if (missed.count == 0 || missed.count == missed_taken_) return;
  missed_taken_ = missed.count;
  translator->AddGap(translator->PathOf(missed.volume),
                     "deadline passed: a program changed files before that was recorded",
                     {missed.from_usec, missed.to_usec}, out);
}

void IntentIntake::TakeWriters(const Marker& marker, EventTranslator* translator,
                               Translation* out) {
  BeginPlaces();
  for (const SilentWriter& writer : marker.writers) {
    Intent intent;
    intent.volume = writer.volume;
    intent.pid = writer.pid;
    intent.time_usec = marker.silent_usec;
    intent.ctime_nsec = writer.ctime_nsec;
    intent.object = writer.object;
    translator->TranslateIntent(intent, places_, out);
  }
  places_.EndBatch();
}

void IntentIntake::Carry(const Marker& marker, EventTranslator* translator, Translation* out) {
  BeginPlaces();
  if (!turning_.empty() && turning_.front().turn == marker.turn) {
    for (const Intent& intent : turning_) translator->TranslateIntent(intent, places_, out);
  }
  for (const Intent& intent : recent_) {
    if (intent.time_usec < marker.turn_usec - kRecentUsec) continue;
    translator->TranslateIntent(intent, places_, out);
  }
  EndTurn();
  places_.EndBatch();
  TakeWriters(marker, translator, out);
}

void IntentIntake::Appended() {
  ring_.Free(taken_);
  if (missed_taken_ != 0) ring_.MissedStored(missed_taken_);
  appended_ = taken_;
  reached_(IntentLevel::kAppended, appended_);
}

void IntentIntake::Synced() {
  synced_ = appended_;
  reached_(IntentLevel::kSynced, appended_);
}

}  // namespace cj
