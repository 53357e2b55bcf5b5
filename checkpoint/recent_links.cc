#include "checkpoint/recent_links.h"

#include <algorithm>

#include "base/bytes.h"

namespace cj {
namespace {

constexpr std::size_t kWordBits = 64;

}  // namespace

RecentLinks::RecentLinks(const HashKey& key)
    : key_(key), current_(kBits / kWordBits), previous_(kBits / kWordBits) {}

Hash128 RecentLinks::HashOf(VolumeId volume, HandleView object) {
  scratch_.clear();
  ByteWriter writer(&scratch_);
  writer.Fixed32(volume.value);
  writer.Byte(static_cast<std::uint8_t>(object.type));
  writer.String(object.bytes);
  return KeyedHash(key_, scratch_);
}

void RecentLinks::Mark(VolumeId volume, HandleView object) {
  if (marked_ == kPerGeneration) {
    std::swap(current_, previous_);
    std::fill(current_.begin(), current_.end(), 0);
    marked_ = 0;
  }
  ++marked_;
  Hash128 hash = HashOf(volume, object);
  for (int probe = 0; probe < kProbes; ++probe, hash.low += hash.high) {
    const std::size_t bit = hash.low % kBits;
    current_[bit / kWordBits] |= std::uint64_t{1} << (bit % kWordBits);
  }
}

bool RecentLinks::Contains(VolumeId volume, HandleView object) {
  Hash128 hash = HashOf(volume, object);
  bool in_current = true;
  bool in_previous = true;
  for (int probe = 0; probe < kProbes; ++probe, hash.low += hash.high) {
    const std::size_t bit = hash.low % kBits;
    const std::uint64_t mask = std::uint64_t{1} << (bit % kWordBits);
    in_current = in_current && (current_[bit / kWordBits] & mask) != 0;
    in_previous = in_previous && (previous_[bit / kWordBits] & mask) != 0;
  }
  return in_current || in_previous;
}

}  // namespace cj
