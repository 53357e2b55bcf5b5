#include "checkpoint/recent_links.h"

#include "base/bytes.h"

namespace cj {
namespace {

constexpr std::size_t kWordBits = 64;
constexpr int kBitNumberBits = 9;  // of a bit in its block

}  // namespace

RecentLinks::RecentLinks(const HashKey& key) : key_(key), blocks_(kBlocks) {}

RecentLinks::Probe RecentLinks::ProbeOf(VolumeId volume, HandleView object) {
  static_assert(std::size_t{1} << kBitNumberBits == kBitsInBlock);
  scratch_.clear();
  ByteWriter writer(&scratch_);
  writer.Fixed32(volume.value);
  writer.Byte(static_cast<std::uint8_t>(object.type));
  writer.String(object.bytes);
  const Hash128 hash = KeyedHash(key_, scratch_);
  Probe probe;
  probe.block = hash.low % kBlocks;
  for (int i = 0; i < kProbes; ++i) {
    const std::size_t bit = (hash.high >> (i * kBitNumberBits)) % kBitsInBlock;
    probe.bits[bit / kWordBits] |= std::uint64_t{1} << (bit % kWordBits);
  }
  return probe;
}

void RecentLinks::Mark(VolumeId volume, HandleView object) {
  if (marked_ == kPerGeneration) {
    current_ = 1 - current_;
    for (Blocks& blocks : blocks_) blocks.of[current_] = {};
    marked_ = 0;
  }
  ++marked_;
  const Probe probe = ProbeOf(volume, object);
  Block& block = blocks_[probe.block].of[current_];
  for (std::size_t i = 0; i < block.size(); ++i) block[i] |= probe.bits[i];
}

bool RecentLinks::Contains(VolumeId volume, HandleView object) {
  const Probe probe = ProbeOf(volume, object);
  std::uint64_t missing[2] = {0, 0};
  for (std::size_t filter = 0; filter < 2; ++filter) {
    const Block& block = blocks_[probe.block].of[filter];
    for (std::size_t i = 0; i < block.size(); ++i) missing[filter] |= probe.bits[i] & ~block[i];
  }
  return missing[0] == 0 || missing[1] == 0;
}

}  // namespace cj
