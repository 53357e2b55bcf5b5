#include "journal/link_memory.h"

namespace cj {

LinkMemory::Search::Search(LinkMemory* memory) : memory_(memory) {
  if (memory_ != nullptr) memory_->BeginSearch();
}

LinkMemory::Search::~Search() {
  if (memory_ != nullptr) memory_->EndSearch();
}

void LinkMemory::Search::Note(VolumeId volume, const FileHandle& object, const Outcome& outcome) {
  if (memory_ != nullptr) memory_->Note(volume, object, outcome);
}

std::string LinkMemory::Key(VolumeId volume, const FileHandle& object) {
  return std::to_string(volume.value) + ":" + object.encoded;
}

void LinkMemory::BeginSearch() {
  MutexLock lock(mutex_);
  ++searches_;
  in_use_ = true;
}

void LinkMemory::EndSearch() {
  MutexLock lock(mutex_);
  if (--searches_ > 0) return;
  came_.clear();
  any_came_ = false;
  in_use_ = !outcomes_.empty();
}

bool LinkMemory::Searched(VolumeId volume, const FileHandle& object, const Outcome& now) const {
  MutexLock lock(mutex_);
  auto known = outcomes_.find(Key(volume, object));
  return known != outcomes_.end() && now.link_count <= known->second.link_count &&
         now.found >= known->second.found && now.gaps == known->second.gaps;
}

void LinkMemory::Note(VolumeId volume, const FileHandle& object, const Outcome& outcome) {
  MutexLock lock(mutex_);
  const std::string key = Key(volume, object);
  if (any_came_ || came_.count(key) != 0) return;
  if (outcomes_.size() >= kMaxObjects) outcomes_.clear();
  outcomes_[key] = outcome;
}

// A search that begins behind the look at in_use_ finds the name itself.
void LinkMemory::Forget(VolumeId volume, const FileHandle& object) {
  if (!in_use_) return;
  MutexLock lock(mutex_);
  const std::string key = Key(volume, object);
  outcomes_.erase(key);
  if (searches_ == 0) return;
  if (came_.size() >= kMaxObjects) {
    any_came_ = true;
  } else {
    came_.insert(key);
  }
}

void LinkMemory::ForgetAll() {
  if (!in_use_) return;
  MutexLock lock(mutex_);
  outcomes_.clear();
  any_came_ = searches_ > 0;
}

}  // namespace cj
