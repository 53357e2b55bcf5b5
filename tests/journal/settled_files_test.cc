// What somebody has looked at, for whom.
#include "journal/settled_files.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <string>
#include <thread>

namespace cj {
namespace {

SettledFiles::Key KeyOf(const std::string& name) {
  return SettledFiles::KeyOf({VolumeId(1), "directory", name, "object"});
}

TEST_CASE("settled files: a look serves intervals that had begun before it") {
  SettledFiles files;
  CHECK_FALSE(files.IsSettledSince(KeyOf("f"), PeriodId(0)));
  files.Add(KeyOf("f"), PeriodId(5));
  CHECK(files.IsSettledSince(KeyOf("f"), PeriodId(0)));
  CHECK(files.IsSettledSince(KeyOf("f"), PeriodId(4)));
  CHECK_FALSE(files.IsSettledSince(KeyOf("f"), PeriodId(5)));
  CHECK_FALSE(files.IsSettledSince(KeyOf("f"), PeriodId(6)));
  files.Add(KeyOf("f"), PeriodId(7));
  CHECK(files.IsSettledSince(KeyOf("f"), PeriodId(6)));
}

TEST_CASE("settled files: each part of what a file is tells it from others") {
  const SettledFiles::File file = {VolumeId(1), "dd", "n", "oo"};
  const SettledFiles::File others[] = {
      {VolumeId(2), "dd", "n", "oo"}, {VolumeId(1), "de", "n", "oo"},
      {VolumeId(1), "dd", "m", "oo"}, {VolumeId(1), "dd", "n", "op"},
      {VolumeId(1), "d", "n", "doo"}, {VolumeId(1), "dd", "on", "o"}};
  SettledFiles files;
  files.Add(SettledFiles::KeyOf(file), PeriodId(1));
  CHECK(files.IsSettledSince(SettledFiles::KeyOf(file), PeriodId(0)));
  for (const SettledFiles::File& other : others) {
    CHECK_FALSE(files.IsSettledSince(SettledFiles::KeyOf(other), PeriodId(0)));
  }
}

// The longest that there are.
TEST_CASE("settled files: long handles and names") {
  const std::string handle(129, 'h');
  const std::string name(254, 'n');
  auto key = [&](const std::string& last) {
    const std::string whole = name + last;
    return SettledFiles::KeyOf({VolumeId(1), handle, whole, handle});
  };
  CHECK(key("a") == key("a"));
  CHECK_FALSE(key("a") == key("b"));
}

TEST_CASE("settled files: more than it holds forgets the older ones") {
  SettledFiles files;
  constexpr std::size_t kOld = SettledFiles::kMaxFiles / 4;
  for (std::size_t i = 0; i < kOld; ++i) files.Add(KeyOf(std::to_string(i)), PeriodId(1));
  auto count = [&](const std::string& prefix, std::size_t many) {
    std::size_t known = 0;
    for (std::size_t i = 0; i < many; ++i) {
      known += files.IsSettledSince(KeyOf(prefix + std::to_string(i)), PeriodId(0)) ? 1 : 0;
    }
    return known;
  };
  CHECK(count("", kOld) > kOld * 9 / 10);
  constexpr std::size_t kNew = 4 * SettledFiles::kMaxFiles;
  for (std::size_t i = 0; i < kNew; ++i) {
    const auto key = KeyOf("new" + std::to_string(i));
    files.Add(key, PeriodId(2));
    CHECK(files.IsSettledSince(key, PeriodId(1)));
  }
  CHECK(count("", kOld) < kOld / 10);
  CHECK(count("new", kNew) <= SettledFiles::kMaxFiles);
}

// All in one set, each looked at in a period of its own.
TEST_CASE("settled files: half of one look and half of another are none") {
  constexpr std::uint64_t kKeys = 6;
  constexpr int kTurns = 300'000;
  auto key = [](std::uint64_t i) { return Hash128{0x10000000000 * i, i * 0x9e3779b97f4a7c15}; };
  SettledFiles files;
  std::atomic<bool> ended{false};
  auto add = [&](std::uint64_t first) {
    while (!ended) {
      for (std::uint64_t i = first; i < kKeys; i += 2) files.Add(key(i), PeriodId(1 + i));
    }
  };
  std::thread threads[] = {std::thread(add, 0), std::thread(add, 1)};
  int known = 0;
  int wrong = 0;
  for (int turn = 0; turn < kTurns; ++turn) {
    const auto i = static_cast<std::uint64_t>(turn) % kKeys;
    if (files.IsSettledSince(key(i), PeriodId(i))) ++known;
    if (files.IsSettledSince(key(i), PeriodId(i + 1))) ++wrong;
    const Hash128 halves = {key(i).low, key((i + 1) % kKeys).high};
    if (files.IsSettledSince(halves, PeriodId(0))) ++wrong;
  }
  ended = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(known > 0);
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace cj
