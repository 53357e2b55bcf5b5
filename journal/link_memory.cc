#include "journal/link_memory.h"

namespace cj {

std::string LinkMemory::Key(VolumeId volume, const FileHandle& object) {
  return std::to_string(volume.value) + ":" + object.encoded;
}

bool LinkMemory::Searched(VolumeId volume, const FileHandle& object, std::uint64_t link_count,
                          std::uint64_t found) const {
  MutexLock lock(mutex_);
  auto known = outcomes_.find(Key(volume, object));
  return known != outcomes_.end() && link_count <= known->second.link_count &&
         found >= known->second.found;
}

void LinkMemory::Note(VolumeId volume, const FileHandle& object, std::uint64_t link_count,
                      std::uint64_t found) {
  MutexLock lock(mutex_);
  if (outcomes_.size() >= kMaxObjects) outcomes_.clear();
  outcomes_[Key(volume, object)] = {link_count, found};
}

}  // namespace cj
