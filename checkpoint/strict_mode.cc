#include "checkpoint/strict_mode.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace cj {
namespace {

bool IsSame(const StrictVolume& a, const StrictVolume& b) {
  return a.volume.id == b.volume.id && a.volume.path == b.volume.path &&
         a.volume.device == b.volume.device && a.volume.fsid == b.volume.fsid && a.mode == b.mode &&
         a.sync == b.sync;
}

}  // namespace

Result<IntentRing> InheritRing(JournalId journal, UniqueFd kept, DescriptorKeeper* keeper,
                               bool* safe) {
  const bool had_one = kept.valid();
  if (had_one) {
    auto adopted = IntentRing::Adopt(std::move(kept), journal);
    if (adopted) {
      *safe = true;
      return adopted;
    }
  }
  if (had_one && keeper != nullptr) keeper->Forget(kIntentRingName);
  CJ_ASSIGN_OR_RETURN(IntentRing ring, IntentRing::Create(journal));
  *safe = keeper != nullptr && keeper->Keep(kIntentRingName, ring.fd());
  return ring;
}

StrictMode::StrictMode(Kernel& kernel, Clock& clock, Closer& closer, IntentRing ring, bool kept,
                       const StrictOptions& options, std::function<void()> wake_writer)
    : kernel_(kernel),
      clock_(clock),
      kept_(kept),
      volumes_(options.volumes),
      ring_(std::move(ring)),
      wake_writer_(std::move(wake_writer)),
      pump_(::eventfd(0, EFD_CLOEXEC)),
      responder_(clock, ring_, closer, *this,
                 {options.deadline_usec, ResponderOptions().spin_usec}),
      intake_(ring_, *options.scope, LevelOf(options.sync),
              [this](IntentLevel level, std::uint64_t number) {
                responder_.Reached(level, number);
                if (gathering_.exchange(false) && intake_.waiting()) IntentPushed(false);
              }) {
  CJ_CHECK(pump_.valid(), "the process can have one more descriptor at start");
  pump_thread_ = std::thread([this] { Pump(); });
  // It runs before anything is marked: our own opens wait for it, too.
  responder_thread_ = std::thread([this] {
    while (responder_.Step()) {
    }
  });
}

StrictMode::~StrictMode() { Stop(); }

// The writer sleeps on a lock; the answering thread must not touch that, so another does.
void StrictMode::Pump() {
  for (;;) {
    eventfd_t count = 0;
    ::eventfd_read(pump_.get(), &count);
    if (stopping_) return;
    pollfd more{pump_.get(), POLLIN, 0};
    if (!awaited_) ::poll(&more, 1, kGatherMsec);
    (void)awaited_.exchange(false);
    wake_writer_();
  }
}

// The first one in an empty ring wakes the pump, and then those that somebody waits for.
void StrictMode::IntentPushed(bool awaited) {
  if (awaited) {
    if (!awaited_.exchange(true)) ::eventfd_write(pump_.get(), 1);
  } else if (!gathering_.exchange(true)) {
    ::eventfd_write(pump_.get(), 1);
  }
}

IntentLevel StrictMode::LevelOf(bool sync) const {
  if (sync) return IntentLevel::kSynced;
  return kept_ ? IntentLevel::kKept : IntentLevel::kAppended;
}

Status StrictMode::OpenOne(const StrictVolume& volume, std::vector<Serving>* opened) {
  CJ_ASSIGN_OR_RETURN(auto group, kernel_.CreatePreGroup(volume.mode));
  auto slot = std::make_shared<PreSlot>();
  slot->group = std::move(group);
  slot->volume = volume.volume.id;
  slot->level = LevelOf(volume.sync);
  CJ_RETURN_IF_ERROR(responder_.Add(slot));
  Status marked = slot->group->Mark(volume.volume);
  // What is not there is a gap already, and marked when it is back (CheckMarks).
  if (!marked && marked.error().code != ErrorCode::kNotFound) {
    responder_.Retire(slot);
    return marked;
  }
  opened->push_back({volume, std::move(slot)});
  return {};
}

void StrictMode::Give(std::vector<Serving>& given) {
  for (Serving& serving : given) {
    (void)serving.slot->group->Unmark().has_value();
    responder_.Retire(std::exchange(serving.slot, nullptr));
  }
  given.clear();
}

Status StrictMode::OpenNext() {
  CJ_CHECK(!stopped_, "groups are made while somebody answers them");
  if (++last_turn_ == 0) ++last_turn_;
  turn_ = last_turn_;
  turn_usec_ = clock_.RealtimeUsec();
  responder_.SetTurn(turn_);
  std::vector<Serving> next;
  for (const StrictVolume& volume : volumes_) {
    Status opened = OpenOne(volume, &next);
    if (opened) continue;
    Give(next);
    turn_ = 0;
    responder_.SetTurn(0);
    return opened;
  }
  old_.insert(old_.end(), std::make_move_iterator(open_.begin()),
              std::make_move_iterator(open_.end()));
  open_ = std::move(next);
  return {};
}

void StrictMode::Retire() {
  turn_ = 0;
  responder_.SetTurn(0);
  Give(old_);
}

void StrictMode::CheckMarks() {
  for (Serving& serving : open_) {
    auto marked = serving.slot->group->HasMark(serving.volume.volume);
    if (marked.has_value() && *marked) continue;
    (void)serving.slot->group->Mark(serving.volume.volume).has_value();
  }
}

Status StrictMode::SetVolumes(std::vector<StrictVolume> volumes) {
  CJ_CHECK(!stopped_, "groups are made while somebody answers them");
  volumes_ = std::move(volumes);
  const auto wanted = [&](const StrictVolume& volume) {
    return std::any_of(volumes_.begin(), volumes_.end(),
                       [&](const StrictVolume& each) { return IsSame(each, volume); });
  };
  std::vector<Serving> kept;
  std::vector<Serving> given;
  for (Serving& serving : open_) {
    (wanted(serving.volume) ? kept : given).push_back(std::move(serving));
  }
  open_ = std::move(kept);
  Status all;
  std::erase_if(volumes_, [&](const StrictVolume& volume) {
    const bool served = std::any_of(open_.begin(), open_.end(), [&](const Serving& serving) {
      return IsSame(serving.volume, volume);
    });
    Status opened = served ? Status() : OpenOne(volume, &open_);
    if (!opened && all) all = opened;
    return !opened.has_value();
  });
  Give(given);
  return all;
}

Result<std::vector<SilentWriter>> StrictMode::ScanWriters(const std::set<VolumeId>& absent) {
  std::vector<VolumeMount> volumes;
  for (const StrictVolume& volume : volumes_) {
    if (absent.count(volume.volume.id) == 0) volumes.push_back(volume.volume);
  }
  return kernel_.ScanOpenWriters(volumes);
}

bool StrictMode::Alive() {
  const std::uint64_t beats = responder_.beats();
  const bool alive = beats != seen_;
  seen_ = beats;
  responder_.Nudge();
  return alive;
}

void StrictMode::Stop() {
  if (std::exchange(stopped_, true)) return;
  Give(old_);
  Give(open_);
  responder_.Stop();
  responder_thread_.join();
  stopping_ = true;
  ::eventfd_write(pump_.get(), 1);
  pump_thread_.join();
}

}  // namespace cj
