#include "journal/rollup_table.h"

#include <algorithm>

#include "base/check.h"

namespace cj {

std::uint64_t RollupBlock::periods() const {
  std::uint64_t count = 1;
  for (int i = 0; i < level; ++i) count *= kRollupFanOut;
  return count;
}

RollupBlock FirstBlock(int level, PeriodId oldest) {
  RollupBlock block{level, PeriodId()};
  const std::uint64_t periods = block.periods();
  block.first = PeriodId((oldest.value + periods - 1) / periods * periods);
  return block;
}

void RollupTable::Add(const RollupBlock& block, const RollupState& state) {
  CJ_CHECK(
      block.level >= 1 && block.level <= kRollupLevels && block.first.value % block.periods() == 0,
      "a rollup of what is no block");
  levels_.at(static_cast<std::size_t>(block.level))[block.first] = state;
}

RollupTable RollupTable::DropBefore(PeriodId oldest) {
  RollupTable dropped;
  for (std::size_t i = 0; i < levels_.size(); ++i) {
    auto& level = levels_[i];
    while (!level.empty() && level.begin()->first < oldest) {
      dropped.levels_[i].insert(level.extract(level.begin()));
    }
  }
  return dropped;
}

void RollupTable::PutBack(RollupTable dropped) {
  for (std::size_t i = 0; i < levels_.size(); ++i) levels_[i].merge(dropped.levels_[i]);
}

RollupBlock RollupTable::NextOf(int level, PeriodId oldest) const {
  const auto& known = levels_.at(static_cast<std::size_t>(level));
  RollupBlock block = FirstBlock(level, oldest);
  if (!known.empty()) {
    block.first = std::max(block.first, RollupBlock{level, known.rbegin()->first}.until());
  }
  return block;
}

PeriodId RollupTable::DoneUntil(int level, PeriodId oldest, PeriodId open) const {
  return level == 0 ? open : NextOf(level, oldest).first;
}

std::optional<RollupBlock> RollupTable::Next(PeriodId oldest, PeriodId open) const {
  for (int level = 1; level <= kRollupLevels; ++level) {
    const RollupBlock block = NextOf(level, oldest);
    if (block.until() <= DoneUntil(level - 1, oldest, open)) return block;
  }
  return std::nullopt;
}

bool RollupTable::IsTooLarge(const RollupBlock& block) const {
  const auto& below = levels_.at(static_cast<std::size_t>(block.level - 1));
  const auto begin = below.lower_bound(block.first);
  const auto end = below.lower_bound(block.until());
  return std::any_of(begin, end, [](const auto& each) {
    return each.second.kind == RollupState::Kind::kTooLarge;
  });
}

std::optional<ScanPart> RollupTable::LargestAt(PeriodId from, PeriodId until, int level) const {
  for (int each = std::min(level - 1, kRollupLevels); each >= 1; --each) {
    const RollupBlock block{each, from};
    if (from.value % block.periods() != 0 || block.until() > until) continue;
    const auto& known = levels_.at(static_cast<std::size_t>(each));
    const auto found = known.find(from);
    if (found == known.end() || found->second.kind != RollupState::Kind::kMade) continue;
    return ScanPart{from, block.until(), each, found->second.records};
  }
  return std::nullopt;
}

std::vector<ScanPart> RollupTable::Cover(PeriodId from, PeriodId until, int level) const {
  std::vector<ScanPart> parts;
  while (from < until) {
    const auto rollup = LargestAt(from, until, level);
    if (rollup.has_value()) {
      parts.push_back(*rollup);
    } else {
      // No block begins before the next multiple.
      const PeriodId next((from.value / kRollupFanOut + 1) * kRollupFanOut);
      const PeriodId end = std::min(next, until);
      if (parts.empty() || parts.back().level != 0) parts.push_back({from, from, 0, 0});
      parts.back().until = end;
    }
    from = parts.back().until;
  }
  return parts;
}

}  // namespace cj
