// Which rollups there are, which is to be made next, and which a scan reads. Pure; not thread-safe.
//
// A rollup (rollup.h) is of a *block*: at level n of kRollupFanOut^n periods, the first of which
// has a number that is a multiple of that. So each block is eight blocks of the level below, and
// any range of periods is a few blocks of each level: a question about a month of checkpoints reads
// some dozens of rollups, each with what is distinct in it, however many periods the month has.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <vector>

#include "journal/ids.h"

namespace cj {

// With fewer a record is written again more often, with more a question reads more rollups.
inline constexpr std::uint64_t kRollupFanOut = 8;
// The largest are of two million periods.
inline constexpr int kRollupLevels = 7;

struct RollupBlock {
  int level = 1;  // 1 to kRollupLevels; 0: single periods, as they were written
  PeriodId first;
  std::uint64_t periods() const;
  PeriodId until() const { return PeriodId(first.value + periods()); }
  friend bool operator==(const RollupBlock&, const RollupBlock&) = default;
};

// The first block of a level that has no period before `oldest`.
RollupBlock FirstBlock(int level, PeriodId oldest);

// What has become of a block.
struct RollupState {
  enum class Kind : std::uint8_t {
    kNotWorthIt,  // there is no rollup: a scan would gain little
    kTooLarge,    // there is none, and neither is one of any larger block with this one
    kMade,
  };
  Kind kind = Kind::kNotWorthIt;
  std::uint64_t records = 0;  // of the rollup, where there is one
  friend bool operator==(const RollupState&, const RollupState&) = default;
};

// A part of a scan: a rollup, or periods that are read as they are.
struct ScanPart {
  PeriodId from;
  PeriodId until;
  int level = 0;              // of a rollup; 0: the periods' own records
  std::uint64_t records = 0;  // of a rollup
  friend bool operator==(const ScanPart&, const ScanPart&) = default;
};

class RollupTable {
 public:
  // Each once; those of a level in their order.
  void Add(const RollupBlock& block, const RollupState& state);
  // Whether it is the next one of its level that would be made.
  bool IsNext(const RollupBlock& block, PeriodId oldest) const {
    return NextOf(block.level, oldest) == block;
  }
  // Forgets what begins before `oldest`: it has records of periods that are gone. Returns that.
  RollupTable DropBefore(PeriodId oldest);
  // What DropBefore() returned.
  void PutBack(RollupTable dropped);

  // The block that is to be rolled up next: all its periods are there, ended before `open`, and the
  // blocks below it have been looked at.
  std::optional<RollupBlock> Next(PeriodId oldest, PeriodId open) const;
  // What is known of it without reading: some block in it is too large.
  bool IsTooLarge(const RollupBlock& block) const;
  // The periods [from, until) as a scan reads them, in order, from rollups below `level` only.
  std::vector<ScanPart> Cover(PeriodId from, PeriodId until, int level = kRollupLevels + 1) const;

 private:
  std::optional<ScanPart> LargestAt(PeriodId from, PeriodId until, int level) const;
  PeriodId DoneUntil(int level, PeriodId oldest, PeriodId open) const;
  // The first block of a level that has all of its periods, of those not yet looked at.
  RollupBlock NextOf(int level, PeriodId oldest) const;

  std::array<std::map<PeriodId, RollupState>, kRollupLevels + 1> levels_;  // 0 is never used
};

}  // namespace cj
