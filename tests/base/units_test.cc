// Time spans and sizes as people write them.
#include "base/units.h"

#include <catch2/catch.hpp>
#include <limits>
#include <string>

using namespace cj;

namespace {

struct GoodSpan {
  const char* text;
  std::int64_t usec;
};
const GoodSpan kGoodSpans[] = {
    {"0", 0},
    {"90", 90'000'000},
    {"1s", 1'000'000},
    {"500ms", 500'000},
    {"7us", 7},
    {"7\xc2\xb5s", 7},
    {"5min", 300'000'000},
    {"5 minutes", 300'000'000},
    {"2h 30min", 9'000'000'000},
    {"2h30min", 9'000'000'000},
    {"55s500ms", 55'500'000},
    {"300ms20s 5day", 432'020'300'000},
    {"1.5h", 5'400'000'000},
    {"0.000001s", 1},
    {"1month", 2'629'800'000'000},
    {"1M", 2'629'800'000'000},
    {"1m", 60'000'000},
    {"2w", 1'209'600'000'000},
    {"1y 12month", 63'115'200'000'000},
    {"9223372036854775807us", std::numeric_limits<std::int64_t>::max()},
};
const char* const kBadSpans[] = {"",
                                 " ",
                                 "s",
                                 "-1s",
                                 "+1s",
                                 "1parsec",
                                 "1.s",
                                 "1..5s",
                                 ".5s",
                                 "1 h x",
                                 "1H",
                                 "1,5s",
                                 "0x10",
                                 "1s-1s",
                                 "9223372036854775808us",
                                 "99999999999999999999",
                                 "300000y",
                                 "inf"};

struct GoodSize {
  const char* text;
  std::uint64_t bytes;
};
const GoodSize kGoodSizes[] = {
    {"0", 0},
    {"4096", 4096},
    {"17B", 17},
    {"1K", 1024},
    {"1.5K", 1536},
    {" 16 M ", 16ULL << 20},
    {"10G", 10ULL << 30},
    {"2T", 2ULL << 40},
    {"15E", 15ULL << 60},
    {"18446744073709551615", std::numeric_limits<std::uint64_t>::max()},
};
const char* const kBadSizes[] = {
    "", "K", "-1", "1KB", "1k", "1 0", "16E", "1.", "18446744073709551616", "10%", "1G1M"};

}  // namespace

TEST_CASE("time spans: what is accepted, and its length") {
  for (const auto& row : kGoodSpans) {
    INFO(row.text);
    auto span = ParseTimeSpan(row.text);
    REQUIRE(span);
    CHECK(*span == row.usec);
  }
}

TEST_CASE("time spans: what is refused, with an example of what to write") {
  for (const char* text : kBadSpans) {
    INFO(text);
    auto span = ParseTimeSpan(text);
    REQUIRE_FALSE(span);
    CHECK(span.error().code == ErrorCode::kInvalidArgument);
    CHECK(span.error().message.find("2h 30min") != std::string::npos);
  }
}

TEST_CASE("sizes: what is accepted, and how many bytes it is") {
  for (const auto& row : kGoodSizes) {
    INFO(row.text);
    auto size = ParseByteSize(row.text);
    REQUIRE(size);
    CHECK(*size == row.bytes);
  }
}

TEST_CASE("sizes: what is refused, with an example of what to write") {
  for (const char* text : kBadSizes) {
    INFO(text);
    auto size = ParseByteSize(text);
    REQUIRE_FALSE(size);
    CHECK(size.error().message.find("512M") != std::string::npos);
  }
}

TEST_CASE("spans and sizes are shown short") {
  CHECK(FormatTimeSpan(0) == "0");
  CHECK(FormatTimeSpan(-5) == "0");
  CHECK(FormatTimeSpan(1'500'000) == "1s 500ms");
  CHECK(FormatTimeSpan(9'000'000'000) == "2h 30min");
  CHECK(FormatTimeSpan(3'600'000'001) == "1h");
  CHECK(FormatByteSize(0) == "0B");
  CHECK(FormatByteSize(1023) == "1023B");
  CHECK(FormatByteSize(1024) == "1.0K");
  CHECK(FormatByteSize(1'048'575) == "1.0M");
  CHECK(FormatByteSize(3ULL << 29) == "1.5G");
  CHECK(FormatByteSize(std::numeric_limits<std::uint64_t>::max()) == "16.0E");
}
