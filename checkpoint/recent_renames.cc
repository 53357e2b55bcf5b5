#include "checkpoint/recent_renames.h"

#include <utility>

namespace cj {
namespace {

// What the kernel sends for the victim of a rename: for a file an ATTRIB without a name, for an
// (empty) directory an ATTRIB of the directory itself.
bool MayBeVictim(const Event& event) {
  if (event.object.empty() || (event.mask & FAN_ATTRIB) == 0) return false;
  return event.on_directory() ? event.name == "." : event.parent.empty();
}

}  // namespace

RecentRenames::Rename* RecentRenames::Find(std::int32_t pid) {
  for (Rename& rename : renames_) {
    if (rename.used && rename.replacement.pid == pid) return &rename;
  }
  return nullptr;
}

void RecentRenames::Remember(VolumeId volume, const Event& event) {
  Rename* rename = Find(event.pid);
  if (rename == nullptr) {
    rename = &renames_[next_];
    next_ = (next_ + 1) % kRemembered;
  }
  rename->used = true;
  rename->of_this_batch = true;
  rename->object = FileHandle(event.object);
  rename->replacement = {volume,
                         event.pid,
                         FileHandle(),
                         FileHandle(event.parent),
                         std::string(event.name),
                         event.on_directory(),
                         false};
}

std::optional<Replacement> RecentRenames::Observe(VolumeId volume, const Event& event) {
  std::optional<Replacement> found;
  Rename* rename = Find(event.pid);
  if (rename != nullptr && rename->replacement.victim.empty() && MayBeVictim(event) &&
      rename->replacement.directory == event.on_directory() &&
      rename->replacement.volume == volume && rename->object.view() != event.object) {
    rename->replacement.victim = FileHandle(event.object);
    rename->replacement.late = !rename->of_this_batch;
    if (event.on_directory()) {
      // No later event casts doubt on it, and a deletion that follows must count for more.
      rename->used = false;
      found = std::move(rename->replacement);
    }
    return found;
  }
  if (rename != nullptr) {
    const bool names_victim = (event.mask & (FAN_DELETE | FAN_CREATE)) != 0 &&
                              rename->replacement.victim.view() == event.object;
    if (!rename->replacement.victim.empty() && !names_victim) {
      found = std::move(rename->replacement);
    }
    rename->used = false;
  }
  if ((event.mask & FAN_RENAME) != 0) Remember(volume, event);
  return found;
}

bool RecentRenames::HoldsVictim(const Event& event) {
  const Rename* rename = Find(event.pid);
  return rename != nullptr && !rename->replacement.victim.empty() &&
         rename->replacement.victim.view() == event.object;
}

std::optional<Replacement> RecentRenames::TakePending() {
  for (Rename& rename : renames_) {
    if (!rename.used || rename.replacement.victim.empty()) continue;
    rename.used = false;
    return std::move(rename.replacement);
  }
  for (Rename& rename : renames_) rename.of_this_batch = false;
  return std::nullopt;
}

}  // namespace cj
