// Random operations in gaps and while they are crawled: every path that differs is covered.
// CJ_SEED replays a run.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <random>

#include "base/unique_fd.h"
#include "tests/service/crawl_tree.h"
#include "tests/support/seed.h"

namespace cj {
namespace {

// Does one thing after the other to "tree" and "outside"; what cannot be done is not.
class Hands {
 public:
  Hands(std::string root, std::uint64_t seed) : root_(std::move(root)), random_(seed) {}

  void Do(int times) {
    for (int i = 0; i < times; ++i) One();
  }

 private:
  std::size_t Below(std::size_t bound) { return random_() % bound; }

  // Something that is there, below the two tops.
  std::string Some(bool directory) {
    std::vector<std::string> all;
    if (directory) all = {root_ + "/tree", root_ + "/outside"};
    for (const char* top : {"/tree", "/outside"}) {
      for (const auto& entry : std::filesystem::recursive_directory_iterator(root_ + top)) {
        if (!directory || (std::filesystem::is_directory(entry.symlink_status()))) {
          all.push_back(entry.path());
        }
      }
    }
    return all.empty() ? root_ + "/tree" : all[Below(all.size())];
  }
  std::string Place() { return Some(true) + "/n" + std::to_string(Below(6)); }

  void One() {
    const std::string place = Place();
    switch (Below(10)) {
      case 0:
      case 1: {
        UniqueFd fd(::open(place.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
        if (fd.valid()) (void)::pwrite(fd.get(), "x", 1, static_cast<off_t>(Below(100)));
        break;
      }
      case 2:
        (void)::mkdir(place.c_str(), 0755);
        break;
      case 3:
        (void)::unlink(Some(false).c_str());
        break;
      case 4:
      case 5:
        (void)::rename(Some(false).c_str(), place.c_str());
        break;
      case 6:
        (void)::renameat2(AT_FDCWD, Some(false).c_str(), AT_FDCWD, Some(false).c_str(),
                          RENAME_EXCHANGE);
        break;
      case 7:
        (void)::link(Some(false).c_str(), place.c_str());
        break;
      case 8:
        (void)::chmod(Some(false).c_str(), 0700 | static_cast<mode_t>(Below(64)));
        break;
      default:
        if (Below(3) == 0) std::filesystem::remove_all(Place());
        (void)::symlink("to", place.c_str());
    }
  }

  std::string root_;
  std::mt19937_64 random_;
};

}  // namespace

TEST_CASE("crawl: random operations in a gap and while it is crawled") {
  const std::string type = GENERATE(as<std::string>(), "ext4", "xfs", "btrfs", "tmpfs");
  constexpr int kRounds = 10;
  auto journal = JournalOfTree(type);
  if (!journal->usable()) return;
  const std::uint64_t seed = TestSeed();
  INFO(type << ", CJ_SEED=" << seed);
  Hands hands(journal->root(), seed);
  journal->config().crawl_rate = 2'000;  // some 50 ms, in which more is done
  for (int round = 0; round < kRounds; ++round) {
    hands.Do(60);
    TestJournal::Age();
    journal->Mark();
    TreeCopy copy(*journal, type);
    REQUIRE(copy.usable());
    hands.Do(5);
    journal->Restart([&] { hands.Do(1 + round); });
    hands.Do(20);
    journal->AwaitCrawl();
    hands.Do(5);
    CHECK(copy.Uncovered(ChangesOf(*journal)) == Lines{});
  }
}

}  // namespace cj
