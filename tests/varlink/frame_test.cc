// Framing: however the bytes are cut, the same messages come out, within bounded memory.
#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "protocol/frame_splitter.h"

namespace cj {
namespace {

// Feeds `bytes` in pieces of `piece(i)` bytes; the messages, and in `error` the first error.
template <typename Piece>
std::vector<std::string> Feed(FrameSplitter& splitter, const std::string& bytes, Piece piece,
                              std::string* error = nullptr, std::size_t* capacity = nullptr) {
  std::vector<std::string> messages;
  std::size_t position = 0;
  while (true) {
    auto next = splitter.Next();
    if (!next.has_value()) {
      if (error != nullptr) *error = next.error().message;
      return messages;
    }
    if (next->has_value()) {
      messages.push_back(**next);
      continue;
    }
    if (position == bytes.size()) return messages;
    const std::span<char> room = splitter.Prepare();
    const std::size_t length =
        std::min({room.size(), bytes.size() - position, std::max<std::size_t>(1, piece())});
    std::memcpy(room.data(), bytes.data() + position, length);
    splitter.Commit(length);
    position += length;
    if (capacity != nullptr) *capacity = std::max(*capacity, splitter.capacity());
  }
}

std::uint32_t Seed() {
  const char* given = std::getenv("CJ_SEED");
  const std::uint32_t seed =
      given != nullptr ? static_cast<std::uint32_t>(std::stoul(given)) : std::random_device()();
  std::cout << "CJ_SEED=" << seed << "\n";
  return seed;
}

TEST_CASE("any cut of a stream gives the same messages") {
  std::mt19937 random(Seed());
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> sent;
    std::string stream;
    for (unsigned i = 0, count = random() % 20; i < count; ++i) {
      const bool large = random() % 8 == 0;
      sent.emplace_back(random() % (large ? 60'000 : 50), static_cast<char>('a' + i));
      stream += sent.back() + '\0';
    }
    const std::string rest(random() % 3, 'z');
    FrameSplitter splitter(60'000);
    const unsigned largest = random() % 2 == 0 ? 7 : 40'000;
    const auto got = Feed(splitter, stream + rest, [&] { return random() % largest; });
    REQUIRE(got == sent);
    CHECK(splitter.partial() == !rest.empty());
  }
}

TEST_CASE("a message of the allowed size passes, one more byte does not") {
  for (const std::size_t piece : {std::size_t{1000}, std::size_t{1} << 20}) {
    FrameSplitter splitter(100'000);
    std::string error;
    const std::string fits(100'000, 'x');
    CHECK(Feed(
              splitter, fits + '\0', [&] { return piece; }, &error)
              .size() == 1);
    CHECK(error.empty());
    CHECK(Feed(
              splitter, fits + 'x', [&] { return piece; }, &error)
              .empty());
    CHECK_THAT(error, Catch::Contains("longer than 100000 bytes"));
    FrameSplitter other(100'000);
    error.clear();
    CHECK(Feed(
              other, fits + 'x' + '\0', [&] { return piece; }, &error)
              .empty());
    CHECK_FALSE(error.empty());
  }
}

TEST_CASE("memory is bounded by one message and one read, and given back") {
  constexpr std::size_t kMax = 1'000'000;
  FrameSplitter splitter(kMax);
  std::size_t capacity = 0;
  const std::string stream = "{}" + std::string(1, '\0') + std::string(kMax, 'x') + '\0';
  CHECK(Feed(
            splitter, stream, [] { return std::size_t{13'000}; }, nullptr, &capacity)
            .size() == 2);
  CHECK(capacity <= kMax + FrameSplitter::kReadBytes);
  CHECK(splitter.capacity() == 0);
}

TEST_CASE("empty messages are messages") {
  FrameSplitter splitter(10);
  const std::string nuls(5, '\0');
  CHECK(Feed(splitter, nuls, [] { return 2; }) == std::vector<std::string>(5));
}

}  // namespace
}  // namespace cj
