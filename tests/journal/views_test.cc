// Which questions an exclude concerns.
#include "journal/views.h"

#include <catch2/catch.hpp>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "base/text.h"
#include "tests/support/seed.h"

namespace cj {
namespace {

Watch WatchOf(const std::string& path, std::vector<std::string> excludes) {
  Watch watch;
  watch.volume.path = path;
  watch.excludes = std::move(excludes);
  return watch;
}

bool May(const std::string& asked, const std::string& pattern, const std::string& root = "/srv") {
  return MayExcludeBelow({asked}, {WatchOf(root, {pattern})});
}

}  // namespace

TEST_CASE("excludes: which questions they concern") {
  CHECK(May("/srv", "*.o"));
  CHECK(May("/srv/a/b", "*.o"));
  CHECK(May("/", "*.o"));
  CHECK(May("/srv", "a/build"));
  CHECK(May("/srv/a", "a/build"));
  CHECK_FALSE(May("/srv/b", "a/build"));
  CHECK_FALSE(May("/srv/ab", "a/build"));
  CHECK(May("/srv/ab", "a*/build"));
  CHECK_FALSE(May("/srv/b", "a*/build"));
  CHECK(May("/srv/b", "[ab]/build"));
  CHECK(May("/srv/b", "?/build"));
  CHECK(May("/srv/a*b", "a\\*b/c"));
  CHECK_FALSE(May("/home", "*"));
  CHECK_FALSE(May("/srvx", "*"));
  CHECK(May("/a/b", "a/b/*.o", "/"));
  CHECK_FALSE(May("/b", "a/b/*.o", "/"));
}

TEST_CASE("excludes: of several watches and paths") {
  const std::vector<Watch> watches = {WatchOf("/home", {}), WatchOf("/srv", {"a/b"})};
  CHECK(MayExcludeBelow(std::vector<std::string>{}, watches));
  CHECK_FALSE(MayExcludeBelow(std::vector<std::string>{}, {watches[0]}));
  CHECK_FALSE(MayExcludeBelow({"/home"}, watches));
  CHECK_FALSE(MayExcludeBelow({"/home", "/srv/c"}, watches));
  CHECK(MayExcludeBelow({"/home", "/srv/a"}, watches));
}

TEST_CASE("excludes: what leaves out anything below a path concerns it") {
  const std::uint64_t seed = TestSeed();
  CAPTURE(seed);
  std::mt19937_64 random(seed);
  auto text = [&](const std::string& letters, std::size_t most) {
    std::string made;
    for (std::size_t left = random() % most + 1; left != 0; --left) {
      made += letters[random() % letters.size()];
    }
    return made;
  };
  int left_out = 0;
  for (int round = 0; round < 50'000; ++round) {
    const Watch watch = WatchOf("/w", {text("ab/*?[]\\", 6)});
    const std::string asked = "/w/" + text("ab", 2);
    const std::string below = asked + "/" + text("ab", 2) + "/" + text("ab", 2);
    CAPTURE(watch.excludes[0], asked, below);
    if (!Covers(watch, asked) || Covers(watch, below)) continue;
    ++left_out;
    REQUIRE(MayExcludeBelow({asked}, {watch}));
  }
  CHECK(left_out > 100);
}

}  // namespace cj
