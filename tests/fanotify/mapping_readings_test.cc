// After which readings of a process's maps the scan may stop.
#include "fanotify/mapping_readings.h"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace cj {
namespace {

struct Case {
  std::string what;
  // One word for each reading: a letter for each mapping that it lists, named by its file; a
  // capital was still there when it was looked up.
  std::vector<std::string> readings;
  // After how many of them no other one is needed; 0: not even after the last.
  std::size_t enough;
};

std::size_t ReadUntilEnough(const std::vector<std::string>& readings) {
  MappingReadings bookkeeping;
  for (std::size_t i = 0; i < readings.size(); ++i) {
    for (const char letter : readings[i]) {
      const bool found = letter >= 'A' && letter <= 'Z';
      bookkeeping.Listed({1, static_cast<std::uint64_t>(found ? letter - 'A' : letter - 'a')},
                         found);
    }
    if (bookkeeping.End()) return i + 1;
  }
  return 0;
}

}  // namespace

TEST_CASE("a reading in which the reader was put aside does not count, unless all are") {
  MappingReadings some;
  CHECK_FALSE(some.End(true));
  CHECK_FALSE(some.End());
  CHECK_FALSE(some.End(true));
  CHECK(some.End());
  MappingReadings all;
  for (int i = 0; i < MappingReadings::kMaxDisturbed + 1; ++i) CHECK_FALSE(all.End(true));
  CHECK(all.End(true));
}

TEST_CASE("a process's maps are read until all that stays mapped has been looked at") {
  const std::vector<Case> cases{
      {"nothing mapped: two readings, because one can miss what moves", {"", "", ""}, 2},
      {"one file that stays", {"A", "A", "A"}, 2},
      {"one that the first reading missed", {"", "A", ""}, 2},
      {"one that moved between listing and look", {"a", "A", "A"}, 2},
      {"moved in the second reading", {"A", "a", "A", "A"}, 3},
      {"always somewhere else", {"a", "a", "a", "a", "a", "a"}, 0},
      {"found at last", {"a", "a", "a", "A", "A"}, 4},
      {"unmapped: two readings in a row without it", {"a", "", "", ""}, 3},
      {"missed by one reading, there again", {"a", "", "a", "", "", ""}, 5},
      {"one of two mappings not found leaves the file open", {"Aa", "Aa", "AA", "A"}, 3},
      {"what is first listed by the third reading was mapped after we began",
       {"a", "a", "Ab", "b"},
       3},
      {"new files all the time, each gone when it is looked up",
       {"a", "b", "c", "d", "e", "f", "g"},
       4},
      {"beside them one that stays and moves", {"za", "zb", "zc", "zd", "Ze", "f"}, 5},
  };
  for (const Case& one : cases) {
    INFO(one.what);
    CHECK(ReadUntilEnough(one.readings) == one.enough);
  }
}

TEST_CASE("a mapping that is not found is missing until its reading ends") {
  MappingReadings bookkeeping;
  CHECK_FALSE(bookkeeping.missing());
  bookkeeping.Listed({1, 1}, true);
  CHECK_FALSE(bookkeeping.missing());
  bookkeeping.Listed({1, 2}, false);
  bookkeeping.Listed({1, 2}, true);  // another mapping of the file
  CHECK(bookkeeping.missing());
  bookkeeping.End();
  CHECK_FALSE(bookkeeping.missing());
}

}  // namespace cj
