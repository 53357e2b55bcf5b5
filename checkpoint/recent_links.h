// Which objects have lately had their link count changed. link(2) sends a nameless ATTRIB for the
// object and then a CREATE for its new name; the CREATE alone cannot be told from that of a new
// file.
//
// Two Bloom filters, the current one and the one before, each of blocks that are one line of the
// processor's cache: Contains() is never false for one of the last kPerGeneration objects that were
// marked, and true by mistake for about one object in 340,
// which costs a needless row of link names, or a needless record. The two events of one link(2) are
// less than kPerGeneration events apart: an ATTRIB can be older than its CREATE only by merging
// with an earlier one, and the kernel merges with at most the 128 newest events in each of 128
// buckets (16 Ki events). (A CREATE can be older than its ATTRIB, too, by merging with what is
// queued of the name, and is then no link to us: who answers does not rely on it.) Periods do not
// matter here: a link whose two events lie on both sides of a checkpoint is still one.
//
// 256 KiB, nothing allocated per event. Not thread-safe: the writer's.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/keyed_hash.h"
#include "fanotify/file_handle.h"
#include "fanotify/volume.h"

namespace cj {

class RecentLinks {
 public:
  static constexpr std::size_t kPerGeneration = 64 * 1024;

  explicit RecentLinks(const HashKey& key);
  void Mark(VolumeId volume, HandleView object);
  bool Contains(VolumeId volume, HandleView object);

 private:
  static constexpr std::size_t kBitsInBlock = 512;
  static constexpr std::size_t kBlocks = kPerGeneration * 16 / kBitsInBlock;
  static constexpr int kProbes = 4;
  using Block = std::array<std::uint64_t, kBitsInBlock / 64>;
  // The bits of an object in its block.
  struct Probe {
    std::size_t block = 0;
    Block bits = {};
  };

  Probe ProbeOf(VolumeId volume, HandleView object);

  HashKey key_;
  // Both filters' blocks of one number beside each other.
  struct alignas(sizeof(Block)) Blocks {
    std::array<Block, 2> of;
  };
  std::vector<Blocks> blocks_;
  std::size_t current_ = 0;  // which of the two
  std::size_t marked_ = 0;   // in the current one
  std::string scratch_;
};

}  // namespace cj
