// What somebody has looked at, for whom.
#include "journal/settled_files.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <string>
#include <thread>
#include <utility>

namespace cj {
namespace {

SettledFiles::Key KeyOf(const std::string& name) {
  return SettledFiles::KeyOf({VolumeId(1), "directory", name, "object"});
}

TEST_CASE("settled files: a look serves intervals that had begun before it") {
  SettledFiles files;
  CHECK_FALSE(files.IsSettledSince(KeyOf("f"), PeriodId(1)));
  files.Add(KeyOf("f"), PeriodId(5));
  CHECK(files.IsSettledSince(KeyOf("f"), PeriodId(1)));
  CHECK(files.IsSettledSince(KeyOf("f"), PeriodId(4)));
  CHECK_FALSE(files.IsSettledSince(KeyOf("f"), PeriodId(5)));
  CHECK_FALSE(files.IsSettledSince(KeyOf("f"), PeriodId(6)));
  files.Add(KeyOf("f"), PeriodId(7));
  CHECK(files.IsSettledSince(KeyOf("f"), PeriodId(6)));
  files.Add(KeyOf("f"), PeriodId(6));  // began earlier, and took longer
  CHECK(files.IsSettledSince(KeyOf("f"), PeriodId(6)));
}

TEST_CASE("settled files: each part of what a file is tells it from others") {
  const SettledFiles::File file = {VolumeId(1), "dd", "n", "oo"};
  const SettledFiles::File others[] = {
      {VolumeId(2), "dd", "n", "oo"}, {VolumeId(1), "de", "n", "oo"},
      {VolumeId(1), "dd", "m", "oo"}, {VolumeId(1), "dd", "n", "op"},
      {VolumeId(1), "d", "n", "doo"}, {VolumeId(1), "dd", "on", "o"}};
  SettledFiles files;
  files.Add(SettledFiles::KeyOf(file), PeriodId(2));
  CHECK(files.IsSettledSince(SettledFiles::KeyOf(file), PeriodId(1)));
  for (const SettledFiles::File& other : others) {
    CHECK_FALSE(files.IsSettledSince(SettledFiles::KeyOf(other), PeriodId(1)));
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
  for (std::size_t i = 0; i < kOld; ++i) files.Add(KeyOf(std::to_string(i)), PeriodId(2));
  auto old_ones = [&] {
    std::size_t known = 0;
    for (std::size_t i = 0; i < kOld; ++i) {
      known += files.IsSettledSince(KeyOf(std::to_string(i)), PeriodId(1)) ? 1 : 0;
    }
    return known;
  };
  CHECK(old_ones() > kOld * 9 / 10);
  bool all_new = true;
  for (std::size_t i = 0; i < 4 * SettledFiles::kMaxFiles; ++i) {
    const auto key = KeyOf("new" + std::to_string(i));
    files.Add(key, PeriodId(3));
    all_new &= files.IsSettledSince(key, PeriodId(2));
  }
  CHECK(all_new);
  CHECK(old_ones() < kOld / 10);
}

// Whoever reads while somebody writes may read words of both looks.
TEST_CASE("settled files: half of one look and half of another are none") {
  using Look = SettledFiles::Look;
  const SettledFiles::Key keys[] = {KeyOf("a"), KeyOf("b")};
  for (const auto& [other, period] : {std::pair(keys[0], 5), std::pair(keys[0], 6),
                                      std::pair(keys[1], 5), std::pair(keys[1], 6)}) {
    const Look one = SettledFiles::LookAt(keys[0], PeriodId(5));
    const Look two = SettledFiles::LookAt(other, PeriodId(period));
    CHECK(SettledFiles::OpenOf(one, keys[0]) == PeriodId(5));
    CHECK(SettledFiles::OpenOf(two, other) == PeriodId(period));
    for (unsigned mix = 0; mix < 8; ++mix) {
      CAPTURE(period, mix);
      const Look read = {((mix & 1U) != 0 ? two : one).low, ((mix & 2U) != 0 ? two : one).high,
                         ((mix & 4U) != 0 ? two : one).open};
      for (const auto& key : keys) {
        if (SettledFiles::OpenOf(read, key) != PeriodId()) CHECK((read == one || read == two));
      }
    }
  }
}

TEST_CASE("settled files: threads that write and read the same few") {
  constexpr std::uint64_t kKeys = 6;
  constexpr int kEnough = 1000;
  // All in one set, each looked at in a period of its own.
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
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(2);
  for (std::uint64_t i = 0; known < kEnough; i = (i + 1) % kKeys) {
    if (i == 0 && std::chrono::steady_clock::now() > deadline) break;
    if (files.IsSettledSince(key(i), PeriodId(i))) ++known;
    if (files.IsSettledSince(key(i), PeriodId(i + 1))) ++wrong;
  }
  ended = true;
  for (std::thread& thread : threads) thread.join();
  CHECK(known == kEnough);
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace cj
