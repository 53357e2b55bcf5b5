#include "checkpoint/dedupe.h"

#include <catch2/catch.hpp>
#include <string>
#include <string_view>

#include "base/keyed_hash.h"
#include "checkpoint/recent_links.h"

namespace cj {
namespace {

HandleView View(std::string_view bytes) { return {1, bytes}; }

DedupeKey Key(std::uint64_t period, std::string_view object, std::string_view name) {
  return {PeriodId(period), VolumeId(1), View(object), View("dir"), name};
}

TEST_CASE("keyed hash: the vectors of the reference code") {
  // vectors_sip128 of github.com/veorq/SipHash: key 00..0f, input the first n bytes of 00 01 02 ...
  HashKey key{0x0706050403020100ULL, 0x0f0e0d0c0b0a0908ULL};
  std::string input;
  CHECK(KeyedHash(key, input) == Hash128{0xe6a825ba047f81a3ULL, 0x930255c71472f66dULL});
  input.push_back('\0');
  CHECK(KeyedHash(key, input) == Hash128{0x44af996bd8c187daULL, 0x45fc229b11597634ULL});
}

TEST_CASE("keyed hash: every byte of the input and of the key counts") {
  HashKey key{1, 2};
  const std::string input(100, 'x');
  const Hash128 hash = KeyedHash(key, input);
  for (std::size_t i = 0; i < input.size(); ++i) {
    std::string other = input;
    other[i] = 'y';
    CHECK_FALSE(KeyedHash(key, other) == hash);
    CHECK_FALSE(KeyedHash(key, input.substr(0, i)) == hash);
  }
  CHECK_FALSE(KeyedHash({1, 3}, input) == hash);
  CHECK_FALSE(KeyedHash({3, 2}, input) == hash);
}

TEST_CASE("dedupe: only the same classes of the same name in the same period are repeats") {
  DedupeTable table(RandomHashKey());
  const DedupeKey key = Key(1, "o", "n");
  CHECK_FALSE(table.SeenOrAdd(key, DedupeTable::kData));
  CHECK(table.SeenOrAdd(key, DedupeTable::kData));
  CHECK_FALSE(table.SeenOrAdd(key, DedupeTable::kMetadata));
  CHECK(table.SeenOrAdd(key, DedupeTable::kData | DedupeTable::kMetadata));
  CHECK_FALSE(table.SeenOrAdd(Key(2, "o", "n"), DedupeTable::kData));
  CHECK_FALSE(table.SeenOrAdd(Key(1, "p", "n"), DedupeTable::kData));
  CHECK_FALSE(table.SeenOrAdd(Key(1, "o", "m"), DedupeTable::kData));
  DedupeKey other_volume = key;
  other_volume.volume = VolumeId(2);
  CHECK_FALSE(table.SeenOrAdd(other_volume, DedupeTable::kData));
  DedupeKey other_parent = key;
  other_parent.parent = View("elsewhere");
  CHECK_FALSE(table.SeenOrAdd(other_parent, DedupeTable::kData));
  DedupeKey other_type = key;
  other_type.object.type = 2;
  CHECK_FALSE(table.SeenOrAdd(other_type, DedupeTable::kData));
}

TEST_CASE("dedupe: bytes that move from one part of a key to the next make another key") {
  DedupeTable table(RandomHashKey());
  CHECK_FALSE(table.SeenOrAdd(Key(1, "ab", "c"), DedupeTable::kData));
  CHECK_FALSE(table.SeenOrAdd(Key(1, "a", "bc"), DedupeTable::kData));
}

TEST_CASE("dedupe: what is forgotten is recorded again, its neighbours are not") {
  DedupeTable table(RandomHashKey());
  table.SeenOrAdd(Key(1, "o", "n"), DedupeTable::kData);
  table.SeenOrAdd(Key(1, "o", "m"), DedupeTable::kData);
  table.Forget(Key(1, "o", "n"));
  CHECK_FALSE(table.Knows(Key(1, "o", "n"), DedupeTable::kData));
  CHECK(table.Knows(Key(1, "o", "m"), DedupeTable::kData));
  table.Forget(Key(1, "never", "seen"));
  table.SeenOrAdd(Key(1, "o", "m"), DedupeTable::kMetadata);
  table.Forget(Key(1, "o", "m"), DedupeTable::kData);
  CHECK_FALSE(table.Knows(Key(1, "o", "m"), DedupeTable::kData));
  CHECK(table.Knows(Key(1, "o", "m"), DedupeTable::kMetadata));
}

TEST_CASE("dedupe: what is set is known, and nothing else") {
  DedupeTable table(RandomHashKey());
  const DedupeKey key = Key(1, "o", "n");
  table.Set(key, 0);
  CHECK_FALSE(table.Knows(key, DedupeTable::kData));
  table.Set(key, DedupeTable::kData);
  CHECK(table.Knows(key, DedupeTable::kData));
  table.Set(key, DedupeTable::kMetadata);
  CHECK(table.Knows(key, DedupeTable::kMetadata));
  CHECK_FALSE(table.Knows(key, DedupeTable::kData));
  table.Set(key, 0);
  CHECK_FALSE(table.Knows(key, DedupeTable::kMetadata));
}

TEST_CASE("dedupe: bounded: more objects than it holds cost duplicates, never a wrong drop") {
  DedupeTable table(RandomHashKey());
  CHECK(DedupeTable::MemoryBytes() == 2 * 1024 * 1024);
  const std::size_t objects = 3 * DedupeTable::kRows * DedupeTable::kWays;
  std::size_t wrongly_dropped = 0;
  for (std::size_t i = 0; i < objects; ++i) {
    if (table.SeenOrAdd(Key(1, std::to_string(i), "n"), DedupeTable::kData)) ++wrongly_dropped;
  }
  CHECK(wrongly_dropped == 0);
  // The newest are still known, most of the oldest are not.
  std::size_t newest = 0;
  std::size_t oldest = 0;
  for (std::size_t i = 0; i < 1000; ++i) {
    if (table.Knows(Key(1, std::to_string(objects - 1 - i), "n"), DedupeTable::kData)) ++newest;
    if (table.Knows(Key(1, std::to_string(i), "n"), DedupeTable::kData)) ++oldest;
  }
  CHECK(newest > 990);
  CHECK(oldest < 100);
}

TEST_CASE("dedupe: of one object the newest names are known, and never one that was not told") {
  DedupeTable table(RandomHashKey());
  const std::size_t names = 100'000;
  std::size_t wrongly_dropped = 0;
  for (std::size_t i = 0; i < names; ++i) {
    if (table.SeenOrAdd(Key(1, "o", std::to_string(i)), DedupeTable::kData)) ++wrongly_dropped;
  }
  CHECK(wrongly_dropped == 0);
  for (std::size_t i = 0; i < DedupeTable::kWays; ++i) {
    CHECK(table.Knows(Key(1, "o", std::to_string(names - 1 - i)), DedupeTable::kData));
  }
  CHECK_FALSE(table.Knows(Key(1, "o", "0"), DedupeTable::kData));
}

TEST_CASE("recent links: the last marks are always known, others hardly ever") {
  RecentLinks links(RandomHashKey());
  const std::size_t marks = RecentLinks::kPerGeneration * 5 / 2;
  for (std::size_t i = 0; i < marks; ++i) links.Mark(VolumeId(1), View(std::to_string(i)));
  std::size_t missed = 0;
  for (std::size_t i = marks - RecentLinks::kPerGeneration; i < marks; ++i) {
    if (!links.Contains(VolumeId(1), View(std::to_string(i)))) ++missed;
  }
  CHECK(missed == 0);
  std::size_t mistaken = 0;
  for (std::size_t i = 0; i < 100'000; ++i) {
    if (links.Contains(VolumeId(1), View("x" + std::to_string(i)))) ++mistaken;
  }
  CHECK(mistaken < 500);
  CHECK_FALSE(RecentLinks(RandomHashKey()).Contains(VolumeId(1), View("0")));
}

}  // namespace
}  // namespace cj
