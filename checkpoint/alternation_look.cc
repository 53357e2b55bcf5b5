// The part of Alternation that looks whether the watched filesystems are still there, and marked.
#include <algorithm>
#include <utility>

#include "checkpoint/alternation.h"
#include "checkpoint/point_of_death.h"
#include "journal/gaps.h"

namespace cj {

// The mark of a filesystem goes with its last mount, and no event tells (docs/race-freedom.md);
// another filesystem may be where a watched path leads now. What happened since the last look is a
// gap. It is stored, and the writer knows the new filesystems, before they are marked; what happens
// from then to the marks is a gap of its own, since a crawl may have filled the first one by now.
// Until that one is stored, too, groups that have the marks and nothing to say are nobody's. The
// caller ends the look when the gaps that are left are stored.
Status Alternation::LookAround() {
  const std::int64_t now_usec = machinery_.clock.RealtimeUsec();
  const std::int64_t from_usec = LastLookUsec(now_usec);
  look_ = machinery_.spool.HoldForLook(now_usec);
  Whereabouts seen;
  if (machinery_.watches != nullptr) seen = machinery_.watches->Look();
  blind_ = seen.blind;
  if (seen.changed != nullptr) binding_ = std::move(seen.changed);
  unwatched_.insert(seen.unwatched.begin(), seen.unwatched.end());
  AddUnwatched(from_usec);
  const auto unmarked = FindUnmarked(binding_ != nullptr ? binding_->volumes : volumes_);
  for (const Unmarked& each : unmarked) {
    if (each.fresh) continue;
    AddGap(
        {each.volume.path, from_usec, now_usec, each.there ? kMountedAgain : "it is not mounted"},
        &gaps_);
    events_missing_ |= each.there;
  }
  const bool some_are_there = std::any_of(unmarked.begin(), unmarked.end(),
                                          [](const Unmarked& each) { return each.there; });
  if (binding_ != nullptr || some_are_there) CJ_RETURN_IF_ERROR(StoreQueued());
  if (binding_ != nullptr) {
    volumes_ = binding_->volumes;
    machinery_.spool.SetWatched(binding_->text);
    SetStrictVolumes(*binding_, from_usec);
    binding_ = nullptr;
  }
  PointOfDeath("looked");
  if (some_are_there) machinery_.spool.Missing(Loss::kUnmarked);
  if (strict_ != nullptr) strict_->CheckMarks();
  const bool any_marked = MarkAgain(unmarked, from_usec);
  PointOfDeath("marked again");
  AddUnwatched(from_usec);
  unwatched_.clear();
  if (!blind_) NoteMarked(now_usec);
  marks_untold_ |= any_marked;
  if (marks_untold_) return StoreQueued();
  machinery_.spool.Told(Loss::kUnmarked);  // what is left is found missing by anybody
  return {};
}

// While some filesystem may be there that nobody could mark what happens to it is missing.
void Alternation::EndLook() {
  if (!blind_) machinery_.spool.LetGo(look_);
}

void Alternation::SetStrictVolumes(const Binding& binding, std::int64_t from_usec) {
  if (strict_ == nullptr) return;
  const Status set = strict_->SetVolumes(binding.strict);
  strict_changed_ = true;
  if (set) return;
  AddGap({"", from_usec, machinery_.clock.RealtimeUsec(), "strict mode: " + set.error().message},
         &gaps_);
}

// Twice: up to the look, for whoever is killed before the marks are made; and up to the marks, for
// a crawl that has walked before they were, and has filled the first.
void Alternation::AddUnwatched(std::int64_t from_usec) {
  const std::int64_t now_usec = machinery_.clock.RealtimeUsec();
  for (const Unwatched& each : unwatched_) {
    AddGap({each.path, each.unknown ? 0 : from_usec, now_usec, each.cause}, &gaps_);
  }
}

void Alternation::NoteMarked(std::int64_t usec) {
  marked_usec_ = usec;
  marked_boottime_usec_ = machinery_.clock.BoottimeUsec();
}

// The earliest time that the clock has shown since the last look, if it was set once: whoever looks
// for files that were changed since then finds those that were changed after it was set back.
std::int64_t Alternation::LastLookUsec(std::int64_t now_usec) const {
  const std::int64_t passed_usec = machinery_.clock.BoottimeUsec() - marked_boottime_usec_;
  return std::min(marked_usec_, now_usec - passed_usec);
}

std::vector<Alternation::Unmarked> Alternation::FindUnmarked(
    const std::vector<VolumeMount>& volumes) {
  std::vector<Unmarked> unmarked;
  for (const VolumeMount& volume : volumes) {
    auto marked = open_->HasMark(volume);
    if (marked.has_value() && *marked) {
      absent_.erase(volume.id);
    } else {
      const bool fresh = std::none_of(
          volumes_.begin(), volumes_.end(),
          [&](const VolumeMount& watched_before) { return watched_before.id == volume.id; });
      unmarked.push_back({volume, marked.has_value(), fresh});
      blind_ |= !marked.has_value() && IsShortage(marked.error());
    }
  }
  return unmarked;
}

// True: some volume has a mark that it had not.
bool Alternation::MarkAgain(const std::vector<Unmarked>& unmarked, std::int64_t from_usec) {
  bool any_marked = false;
  for (const Unmarked& each : unmarked) {
    absent_.insert(each.volume.id);
    if (!each.there) continue;
    const Status marked = open_->Mark(each.volume);
    if (marked) absent_.erase(each.volume.id);
    any_marked |= marked.has_value();
    blind_ |= !marked.has_value() && IsShortage(marked.error());
    if (marked && each.fresh) continue;
    AddGap({each.volume.path, from_usec, machinery_.clock.RealtimeUsec(),
            marked ? kMountedAgain : marked.error().message},
           &gaps_);
    events_missing_ = true;
  }
  return any_marked;
}

}  // namespace cj
