#include "checkpoint/alternation.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "checkpoint/inheritance.h"
#include "checkpoint/point_of_death.h"
#include "journal/gaps.h"

namespace cj {
Alternation::Alternation(const Machinery& machinery, std::vector<VolumeMount> volumes,
                         bool unlimited_queue)
    : machinery_(machinery), volumes_(std::move(volumes)), unlimited_queue_(unlimited_queue) {}

namespace {

// Gives up the groups for permission events of the period before, however a checkpoint ends.
class Retirement {
 public:
  explicit Retirement(StrictMode* strict) : strict_(strict) {}
  ~Retirement() {
    if (strict_ != nullptr) strict_->Retire();
  }
  Retirement(const Retirement&) = delete;
  Retirement& operator=(const Retirement&) = delete;

 private:
  StrictMode* const strict_;
};

}  // namespace

// The open period n has group A; the new period n+1 gets group B. The comments at the ends of the
// lines are what the mutation tests look for.
Result<CheckpointResult> Alternation::Run(const std::string& label) {
  CheckpointResult result;
  CJ_RETURN_IF_ERROR(LookAround());
  CJ_RETURN_IF_ERROR(StoreQueued());     // a store that fails is found while turning back is free
  const Retirement retirement(strict_);  // strict mode: the old groups go when all is settled
  CJ_RETURN_IF_ERROR(OpenStrict());      // strict mode: who opens from now on is of n+1, too
  CJ_RETURN_IF_ERROR(OpenNext());        // step 1: B, with every volume marked
  machinery_.reader.AwaitNext(next_.empty_usec);
  EndLook();
  KeepNext(period_.Next());
  CJ_RETURN_IF_ERROR(AwaitNotifications());  // step 2: all that missed B is in A now
  CJ_RETURN_IF_ERROR(ScanSilentWriters());   // step 3: what changes without events
  UnmarkOpen();                              // step 4: nothing more comes into A ...
  Status drained;
  drained = DrainOpen();  // step 4, drain: ... and all that is in it is read
  if (!drained) return KeepBoth(drained.error());
  SwitchAndSeal(label);                    // step 5: the last records of n, and n+1 opens
  CJ_RETURN_IF_ERROR(AwaitSeal(&result));  // answer: only when that is durable
  machinery_.closer.AwaitRoom();           // step 6: A dies elsewhere
  return result;
}

std::shared_ptr<Ticket> Alternation::NewTicket() {
  auto ticket = machinery_.waiters.NewTicket();
  // After the ticket exists: an attempt to store that begins now tells it how it went.
  machinery_.writer.Kick();
  return ticket;
}

std::shared_ptr<Marker> Alternation::NewMarker() {
  auto marker = std::make_shared<Marker>();
  marker->silent = std::exchange(silent_, {});
  marker->silent_usec = silent_usec_;
  marker->scanned_usec = scanned_usec_;
  marker->writers = std::exchange(writers_, {});
  marker->ticket = NewTicket();
  return marker;
}

Status Alternation::StoreQueued() {
  auto marker = NewMarker();
  marker->gaps = gaps_;
  marker->events_missing = events_missing_;
  marker->binding = binding_;
  machinery_.reader.DrainAndMark(marker);
  CJ_RETURN_IF_ERROR(marker->ticket->Wait());
  GapsAreStored();
  return {};
}

void Alternation::GapsAreStored() {
  gaps_.clear();
  events_missing_ = false;
  marks_untold_ = false;
  machinery_.spool.Told(Loss::kUnmarked);
}

Status Alternation::OpenStrict() { return strict_ == nullptr ? Status() : strict_->OpenNext(); }

// Who has a file open for writing across the checkpoint, and opened it before anybody could say so
// for the new period; or before its volume came into strict mode.
Status Alternation::ScanOpenWriters() {
  if (strict_ == nullptr || (next_.group == nullptr && !strict_changed_)) return {};
  CJ_ASSIGN_OR_RETURN(writers_, strict_->ScanWriters(absent_));
  strict_changed_ = false;
  return {};
}

Status Alternation::BeginStrict() {
  const Retirement retirement(strict_);
  strict_changed_ = true;
  const Status scanned = ScanOpenWriters();
  // A volume that has gone already: the first look finds that, and the scan is made after it.
  if (!scanned && scanned.error().code != ErrorCode::kNotFound) return scanned;
  silent_usec_ = machinery_.clock.RealtimeUsec();
  auto marker = NewMarker();
  machinery_.reader.DrainAndMark(marker);
  return marker->ticket->Wait();
}

Status Alternation::OpenNext() {
  PointOfDeath("opening");
  const std::int64_t now_usec = machinery_.clock.RealtimeUsec();
  CJ_ASSIGN_OR_RETURN(auto group, machinery_.kernel.CreateGroup(unlimited_queue_));
  std::vector<VolumeMount> marked;
  for (const VolumeMount& volume : volumes_) {
    Status made = group->Mark(volume);
    // What is not there is a gap already, until LookAround() finds it again.
    if (!made && absent_.count(volume.id) == 0) return made;
    if (made) marked.push_back(volume);
  }
  PointOfDeath("marked");
  // Before anybody but us knows B: whoever inherits A alone finds the mark missing.
  if (open_ != nullptr && NoteRemounted(marked)) CJ_RETURN_IF_ERROR(StoreQueued());
  next_ = {std::move(group), now_usec, ""};
  return {};
}

// A filesystem that went and came back since the look has B's mark now and has lost A's: the next
// look would find nothing amiss. True: there is one.
bool Alternation::NoteRemounted(const std::vector<VolumeMount>& marked_in_next) {
  const std::int64_t now_usec = machinery_.clock.RealtimeUsec();
  bool any = false;
  for (const VolumeMount& volume : marked_in_next) {
    auto marked = open_->HasMark(volume);
    if (marked.has_value() && *marked) continue;
    AddGap({volume.path, LastLookUsec(now_usec), now_usec, kMountedAgain}, &gaps_);
    events_missing_ = true;
    any = true;
  }
  return any;
}

// Before the marks of the open group go: whoever comes after us finds a group that has them.
void Alternation::KeepNext(PeriodId period) {
  if (machinery_.keeper != nullptr) {
    const std::string name = GroupName(period, serial_++);
    if (machinery_.keeper->Keep(name, next_.group->fd())) next_.kept_as = name;
  }
  PointOfDeath("kept");
}

void Alternation::TakeNext() {
  open_ = next_.group.get();
  kept_ = !next_.kept_as.empty();
}

// A group that has been kept must be forgotten.
void Alternation::DropNext() {
  // What was mounted anew is in B alone.
  machinery_.spool.Hold(next_.empty_usec);
  machinery_.reader.DropNext();
  machinery_.closer.Close(std::exchange(next_, {}));
}

Status Alternation::OpenInherited(PeriodId period, std::vector<SlotGroup> groups,
                                  std::uint64_t next_serial, std::int64_t known_usec) {
  period_ = period;
  serial_ = next_serial;
  NoteMarked(known_usec);
  for (const VolumeMount& volume : volumes_) {
    const bool marked = std::any_of(groups.begin(), groups.end(), [&](SlotGroup& slot) {
      auto has = slot.group->HasMark(volume);
      return has.has_value() && *has;
    });
    if (marked) CJ_RETURN_IF_ERROR(groups.back().group->Mark(volume));
  }
  // As in a checkpoint: only when all that missed the newest group's marks is in the others may
  // these lose theirs.
  if (groups.size() > 1) CJ_RETURN_IF_ERROR(machinery_.kernel.Barrier());
  for (SlotGroup& slot : groups) {
    for (const VolumeMount& volume : volumes_) {
      if (&slot != &groups.back()) (void)slot.group->Unmark(volume).has_value();
    }
  }
  open_ = groups.back().group.get();
  kept_ = true;
  // What was on record for their marks may be in the period before, should its seal have been
  // durable without having been acknowledged.
  for (SlotGroup& slot : groups) slot.group->ForgetIgnored();
  for (SlotGroup& slot : groups) machinery_.reader.Open(std::move(slot));
  return {};
}

Status Alternation::OpenFirst() { return OpenNext(); }

// Only now: a group that is kept says that nothing was missed since the period began.
void Alternation::BeginFirst(PeriodId period) {
  period_ = period;
  NoteMarked(next_.empty_usec);
  KeepNext(period);
  TakeNext();
  machinery_.reader.Open(std::exchange(next_, {}));
}

Status Alternation::AwaitNotifications() {
  Status passed = machinery_.kernel.Barrier();
  if (!passed) DropNext();
  return passed;
}

Status Alternation::ScanSilentWriters() {
  const std::int64_t begin_usec = machinery_.clock.RealtimeUsec();
  std::vector<VolumeMount> present;
  std::copy_if(volumes_.begin(), volumes_.end(), std::back_inserter(present),
               [&](const VolumeMount& volume) { return absent_.count(volume.id) == 0; });
  auto found = machinery_.kernel.ScanSilentWriters(present);
  Status scanned = found ? Status() : Status(found.error());
  if (scanned) scanned = ScanOpenWriters();  // strict mode: who has a file open for writing
  if (!scanned) {
    if (next_.group != nullptr) DropNext();
    return scanned;
  }
  silent_ = std::move(*found);
  silent_usec_ = machinery_.clock.RealtimeUsec();
  scanned_usec_ = begin_usec;
  return {};
}

// From here on there is no way back to A alone: B goes on for it whatever fails. A mark that cannot
// be taken off does no harm: what it still brings into A comes into B, too.
void Alternation::UnmarkOpen() {
  for (const VolumeMount& volume : volumes_) {
    (void)open_->Unmark(volume).has_value();
  }
  PointOfDeath("unmarked");
}

Status Alternation::DrainOpen() {
  auto ticket = NewTicket();
  machinery_.reader.Drain(ticket);
  return ticket->Wait();
}

// The period goes on with what is left in A, and with B.
Error Alternation::KeepBoth(const Error& error) {
  TakeNext();
  machinery_.reader.Extend(std::exchange(next_, {}));
  return error;
}

void Alternation::SwitchAndSeal(const std::string& label) {
  seal_ = NewMarker();
  seal_->seal = true;
  seal_->gaps = gaps_;  // found since the look: of the period that ends
  seal_->events_missing = events_missing_;
  seal_->label = label;
  if (strict_ != nullptr) seal_->turn_usec = strict_->turn_usec();
  if (strict_ != nullptr) seal_->turn = strict_->turn();  // strict mode: the intents of now
  TakeNext();
  machinery_.reader.Switch(std::exchange(next_, {}), seal_);
}

Status Alternation::AwaitSeal(CheckpointResult* result) {
  auto seal = std::exchange(seal_, nullptr);
  CJ_RETURN_IF_ERROR(seal->ticket->Wait());
  GapsAreStored();
  period_ = seal->opened.id;
  *result = {seal->sealed, seal->opened};
  return {};
}

Status Alternation::Flush() {
  CJ_RETURN_IF_ERROR(LookAround());
  Status scanned = ScanSilentWriters();
  if (!scanned && scanned.error().code == ErrorCode::kNotFound) {
    CJ_RETURN_IF_ERROR(LookAround());  // a volume went in between
    scanned = ScanSilentWriters();
  }
  // What the look has found is stored also when the scan fails.
  CJ_RETURN_IF_ERROR(StoreQueued());
  EndLook();
  return scanned;
}

}  // namespace cj
