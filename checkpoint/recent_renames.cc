#include "checkpoint/recent_renames.h"

#include <utility>

namespace cj {
namespace {

bool IsNamelessAttributes(const Event& event) {
  return event.parent.empty() && !event.object.empty() && !event.on_directory() &&
         (event.mask & FAN_ATTRIB) != 0;
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
  rename->object = FileHandle(event.object);
  rename->replacement = {volume, event.pid, FileHandle(), FileHandle(event.parent),
                         std::string(event.name)};
}

std::optional<Replacement> RecentRenames::Observe(VolumeId volume, const Event& event) {
  std::optional<Replacement> found;
  Rename* rename = Find(event.pid);
  if (rename != nullptr && rename->replacement.victim.empty() && IsNamelessAttributes(event) &&
      rename->replacement.volume == volume && rename->object.view() != event.object) {
    rename->replacement.victim = FileHandle(event.object);
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

std::optional<Replacement> RecentRenames::TakePending() {
  for (Rename& rename : renames_) {
    if (!rename.used || rename.replacement.victim.empty()) continue;
    rename.used = false;
    return std::move(rename.replacement);
  }
  return std::nullopt;
}

}  // namespace cj
