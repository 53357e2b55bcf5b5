#include "checkpoint/hot_files.h"

#include <algorithm>
#include <functional>
#include <string_view>

namespace cj {

bool RepeatCounter::Add(VolumeId volume, HandleView object) {
  const std::uint64_t hash =
      (std::hash<std::string_view>()(object.bytes) + volume.value * 0x9e3779b97f4a7c15ULL) | 1;
  Entry& entry = entries_[(hash >> 1) % entries_.size()];
  if (entry.hash != hash) entry = {hash, 0};
  if (++entry.repeats < kRepeats) return false;
  entry.repeats = 0;
  return true;
}

void HotFiles::Read(EventGroup* group, std::uint64_t number, bool alone) {
  MutexLock lock(mutex_);
  if (number != number_) marks_ = 0;
  group_ = group;
  number_ = number;
  alone_ = alone;
}

void HotFiles::AddVolumes(std::span<const VolumeMount> volumes) {
  for (const VolumeMount& volume : volumes) {
    std::erase_if(volumes_, [&](const VolumeMount& old) { return old.id == volume.id; });
    volumes_.push_back(volume);
  }
}

void HotFiles::Repeated(std::uint64_t number, VolumeId volume, HandleView object) {
  if (!repeats_.Add(volume, object)) return;
  const auto known = std::find_if(volumes_.begin(), volumes_.end(),
                                  [&](const VolumeMount& mount) { return mount.id == volume; });
  if (known == volumes_.end()) return;
  // Outside of the lock: nobody knows how long it takes.
  const UniqueFd file = kernel_.OpenFile(*known, object);
  if (!file) return;
  MutexLock lock(mutex_);
  // The record that this repeats has been told: the file would be silent for good.
  if (told_.load()) return;
  if (group_ == nullptr || !alone_ || number_ != number || marks_ >= kMaxMarks) return;
  if (!group_->IgnoreModify(file.get())) return;
  ++marks_;
  made_.fetch_add(1, std::memory_order_relaxed);
}

void HotFiles::Told() {
  told_.store(true);  // first: see Repeated()
  MutexLock lock(mutex_);
  if (group_ != nullptr && marks_ > 0) group_->ForgetIgnored();
  marks_ = 0;
}

void HotFiles::Forget() {
  MutexLock lock(mutex_);
  if (group_ != nullptr) group_->ForgetIgnored();
  marks_ = 0;
}

}  // namespace cj
