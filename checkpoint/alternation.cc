#include "checkpoint/alternation.h"

#include <utility>

namespace cj {

Alternation::Alternation(const Machinery& machinery, std::vector<VolumeMount> volumes,
                         bool unlimited_queue)
    : machinery_(machinery), volumes_(std::move(volumes)), unlimited_queue_(unlimited_queue) {}

// The open period n has group A; the new period n+1 gets group B. The comments at the ends of the
// lines are what the mutation tests look for.
Result<CheckpointResult> Alternation::Run(const std::string& label) {
  CheckpointResult result;
  CJ_RETURN_IF_ERROR(StoreQueued());  // a store that fails is found while turning back is free
  CJ_RETURN_IF_ERROR(OpenNext());     // step 1: B, with every volume marked
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
  marker->ticket = NewTicket();
  return marker;
}

Status Alternation::StoreQueued() {
  auto marker = NewMarker();
  machinery_.reader.DrainAndMark(marker);
  return marker->ticket->Wait();
}

Status Alternation::OpenNext() {
  const std::int64_t now_usec = machinery_.clock.RealtimeUsec();
  CJ_ASSIGN_OR_RETURN(auto group, machinery_.kernel.CreateGroup(unlimited_queue_));
  for (const VolumeMount& volume : volumes_) {
    CJ_RETURN_IF_ERROR(group->Mark(volume));
  }
  next_ = {std::move(group), now_usec};
  return {};
}

Status Alternation::OpenFirst() {
  CJ_RETURN_IF_ERROR(OpenNext());
  open_ = next_.group.get();
  machinery_.reader.Open(std::exchange(next_, {}));
  return {};
}

Status Alternation::AwaitNotifications() {
  Status passed = machinery_.kernel.Barrier();
  if (!passed) next_ = {};
  return passed;
}

Status Alternation::ScanSilentWriters() {
  auto found = machinery_.kernel.ScanSilentWriters(volumes_);
  if (!found) {
    next_ = {};
    return std::move(found).error();
  }
  silent_ = std::move(*found);
  silent_usec_ = machinery_.clock.RealtimeUsec();
  return {};
}

// From here on there is no way back to A alone: B goes on for it whatever fails. A mark that cannot
// be taken off does no harm: what it still brings into A comes into B, too.
void Alternation::UnmarkOpen() {
  for (const VolumeMount& volume : volumes_) {
    (void)open_->Unmark(volume).has_value();
  }
}

Status Alternation::DrainOpen() {
  auto ticket = NewTicket();
  machinery_.reader.Drain(ticket);
  return ticket->Wait();
}

// The period goes on with what is left in A, and with B.
Error Alternation::KeepBoth(const Error& error) {
  open_ = next_.group.get();
  machinery_.reader.Extend(std::exchange(next_, {}));
  return error;
}

void Alternation::SwitchAndSeal(const std::string& label) {
  seal_ = NewMarker();
  seal_->seal = true;
  seal_->label = label;
  open_ = next_.group.get();
  machinery_.reader.Switch(std::exchange(next_, {}), seal_);
}

Status Alternation::AwaitSeal(CheckpointResult* result) {
  auto seal = std::exchange(seal_, nullptr);
  CJ_RETURN_IF_ERROR(seal->ticket->Wait());
  *result = {seal->sealed, seal->opened};
  return {};
}

Status Alternation::Flush() {
  CJ_RETURN_IF_ERROR(ScanSilentWriters());
  return StoreQueued();
}

}  // namespace cj
