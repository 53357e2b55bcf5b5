#include "journal/link_memory.h"

namespace cj {

std::string LinkMemory::Key(VolumeId volume, const FileHandle& object) {
  return std::to_string(volume.value) + ":" + object.encoded;
}

bool LinkMemory::Searched(VolumeId volume, const FileHandle& object, const Outcome& now) const {
  MutexLock lock(mutex_);
  auto known = outcomes_.find(Key(volume, object));
  return known != outcomes_.end() && now.link_count <= known->second.link_count &&
         now.found >= known->second.found && now.gaps == known->second.gaps;
}

void LinkMemory::Note(VolumeId volume, const FileHandle& object, const Outcome& outcome) {
  MutexLock lock(mutex_);
  if (outcomes_.size() >= kMaxObjects) outcomes_.clear();
  outcomes_[Key(volume, object)] = outcome;
}

}  // namespace cj
