// Which periods are rolled up, in which order, and what a scan then reads.
#include "journal/rollup_table.h"

#include "fixture.h"

namespace cj {
namespace {

using Kind = RollupState::Kind;

std::uint64_t Span(int level) { return RollupBlock{level, PeriodId()}.periods(); }

TEST_CASE("rollup table: blocks come when they are complete, small ones first") {
  RollupTable table;
  const PeriodId oldest(3);
  std::vector<RollupBlock> made;
  for (std::uint64_t open = 3; open <= 200; ++open) {
    while (const auto next = table.Next(oldest, PeriodId(open))) {
      CHECK(next->first >= oldest);
      CHECK(next->until() <= PeriodId(open));
      table.Add(*next, {Kind::kMade, 1});
      made.push_back(*next);
    }
  }
  std::size_t small = 0;
  std::size_t large = 0;
  for (const RollupBlock& block : made) {
    if (block.level == 1) ++small;
    if (block.level == 2) {
      ++large;
      // All eight before it.
      CHECK(small * Span(1) + 8 >= block.until().value);
    }
  }
  CHECK(small == 24);  // 8 to 199
  CHECK(large == 2);   // 64 and 128
  CHECK(made.size() == 26);
}

TEST_CASE("rollup table: a scan covers each period once, with the largest that there are") {
  const std::uint64_t seed = TestSeed();
  INFO("CJ_SEED=" << seed);
  std::mt19937_64 random(seed);
  for (int turn = 0; turn < 100; ++turn) {
    RollupTable table;
    const PeriodId oldest(random() % 100);
    const PeriodId open(oldest.value + 1 + random() % 2000);
    std::map<std::pair<int, PeriodId>, RollupState> states;
    while (const auto next = table.Next(oldest, open)) {
      RollupState state{static_cast<Kind>(random() % 3), 0};
      if (state.kind == Kind::kMade) state.records = random() % 5;
      table.Add(*next, state);
      states[{next->level, next->first}] = state;
    }
    const PeriodId from(oldest.value + random() % 500);
    const PeriodId until(from.value + random() % 1000);
    const int below = 1 + static_cast<int>(random() % (kRollupLevels + 1));
    PeriodId at = from;
    bool was_single = false;
    for (const ScanPart& part : table.Cover(from, until, below)) {
      REQUIRE(part.from == at);
      REQUIRE(part.from < part.until);
      at = part.until;
      REQUIRE(part.level < below);
      REQUIRE_FALSE((part.level == 0 && was_single));
      was_single = part.level == 0;
      const int level = part.level;
      if (level > 0) {
        REQUIRE(part.until == RollupBlock{level, part.from}.until());
        const RollupState expected{Kind::kMade, part.records};
        REQUIRE(states.at({level, part.from}) == expected);
      }
      // No larger one would do.
      for (PeriodId id = part.from; id < part.until; id = id.Next()) {
        for (int each = level + 1; each < below && each <= kRollupLevels; ++each) {
          if (id.value % Span(each) != 0 || id.value + Span(each) > until.value) continue;
          const auto found = states.find({each, id});
          REQUIRE((found == states.end() || found->second.kind != Kind::kMade));
        }
      }
    }
    REQUIRE(at == std::max(from, until));
  }
}

TEST_CASE("rollup table: a block with one in it that is too large is too large") {
  RollupTable table;
  for (std::uint64_t i = 0; i < 8; ++i) {
    table.Add({1, PeriodId(i * 8)}, {i == 5 ? Kind::kTooLarge : Kind::kNotWorthIt, 0});
  }
  const auto next = table.Next(PeriodId(0), PeriodId(64));
  REQUIRE(next == RollupBlock{2, PeriodId(0)});
  CHECK(table.IsTooLarge(*next));
  CHECK_FALSE(table.IsTooLarge({1, PeriodId(64)}));
}

TEST_CASE("rollup table: what has lost a period is forgotten") {
  RollupTable table;
  for (std::uint64_t i = 0; i < 16; ++i) table.Add({1, PeriodId(i * 8)}, {Kind::kMade, 1});
  table.Add({2, PeriodId(0)}, {Kind::kMade, 1});
  table.Add({2, PeriodId(64)}, {Kind::kMade, 1});
  table.DropBefore(PeriodId(9));
  CHECK(table.Cover(PeriodId(16), PeriodId(64)).size() == 6);
  CHECK(table.Cover(PeriodId(64), PeriodId(128)).size() == 1);
  CHECK(table.Cover(PeriodId(8), PeriodId(16)).front().level == 0);
}

TEST_CASE("rollup table: a month of ten thousand checkpoints a day is read in few parts") {
  RollupTable table;
  constexpr PeriodId kOpen(300'000);
  while (const auto next = table.Next(PeriodId(1), kOpen)) table.Add(*next, {Kind::kMade, 1});
  const auto parts = table.Cover(PeriodId(1), kOpen.Next());
  CHECK(parts.size() <= 2 * kRollupLevels * (kRollupFanOut - 1));
  std::uint64_t single = 0;
  for (const ScanPart& part : parts) {
    if (part.level == 0) single += part.until.value - part.from.value;
  }
  CHECK(single <= 2 * kRollupFanOut);
}

}  // namespace
}  // namespace cj
