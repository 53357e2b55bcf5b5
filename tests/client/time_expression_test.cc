// Times on the command line, with a clock and zones of the test's own.
#include "client/time_expression.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <ctime>
#include <string>

using namespace cj;
using namespace cj::client;

namespace {

constexpr std::int64_t kUsec = 1'000'000;
constexpr std::int64_t kHour = 3600;

// Central Europe in 2026: summer time from March 29 01:00 UTC to October 25 01:00 UTC.
constexpr std::int64_t kSummerBegins = 1774746000;
constexpr std::int64_t kSummerEnds = 1792890000;
std::int64_t Berlin(std::int64_t epoch) {
  return epoch >= kSummerBegins && epoch < kSummerEnds ? 2 * kHour : kHour;
}
std::int64_t Utc(std::int64_t) { return 0; }
std::int64_t NewYorkWinter(std::int64_t) { return -5 * kHour; }

// 2026-11-21 10:30:00.500000 UTC, a Saturday.
constexpr std::int64_t kNow = 1795257000 * kUsec + 500'000;
constexpr std::int64_t kMidnight = 1795219200 * kUsec;  // of that day, UTC

struct Row {
  const char* text;
  std::int64_t usec;
};

std::int64_t Parsed(const char* text, const UtcOffset& zone) {
  auto time = ParseTime(text, kNow, zone);
  INFO(text);
  INFO((time ? "" : time.error().message));
  REQUIRE(time);
  return *time;
}

}  // namespace

TEST_CASE("times: every form, in UTC") {
  const Row rows[] = {
      {"now", kNow},
      {" now ", kNow},
      {"beginning", 0},
      {"today", kMidnight},
      {"yesterday", kMidnight - 24 * kHour * kUsec},
      {"yesterday 18:00", kMidnight - 6 * kHour * kUsec},
      {"Sat 2026-11-21", kMidnight},
      {"Saturday 2026-11-21 10:00", kMidnight + 10 * kHour * kUsec},
      {"today 10:00", kMidnight + 10 * kHour * kUsec},
      {"-2h", kNow - 2 * kHour * kUsec},
      {"-1h30min", kNow - 5400 * kUsec},
      {"-1h 30min", kNow - 5400 * kUsec},
      {"-90", kNow - 90 * kUsec},
      {"5 minutes ago", kNow - 300 * kUsec},
      {"2h ago", kNow - 2 * kHour * kUsec},
      {"1 day ago", kNow - 24 * kHour * kUsec},
      {"2026-11-20", kMidnight - 24 * kHour * kUsec},
      {"2026-11-20 10:00", kMidnight - 14 * kHour * kUsec},
      {"2026-11-20 10:00:01", kMidnight - 14 * kHour * kUsec + kUsec},
      {"2026-11-20 10:00:01.5", kMidnight - 14 * kHour * kUsec + kUsec + 500'000},
      {"2026-11-20 10:00:01.000001", kMidnight - 14 * kHour * kUsec + kUsec + 1},
      {"2026-11-20T10:00", kMidnight - 14 * kHour * kUsec},
      {"2026-11-20T10:00:00Z", kMidnight - 14 * kHour * kUsec},
      {"2026-11-20 10:00 UTC", kMidnight - 14 * kHour * kUsec},
      {"2026-11-20T10:00:00+01:00", kMidnight - 15 * kHour * kUsec},
      {"2026-11-20 10:00 -0500", kMidnight - 9 * kHour * kUsec},
      {"10:00", kMidnight + 10 * kHour * kUsec},
      {"10:00:30.25", kMidnight + 10 * kHour * kUsec + 30'250'000},
      {"@0", 0},
      {"@1700000000", 1700000000 * kUsec},
      {"@1700000000.000001", 1700000000 * kUsec + 1},
      {"1970-01-01", 0},
      {"2024-02-29", 1709164800 * kUsec},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    CHECK(Parsed(row.text, Utc) == row.usec);
  }
}

TEST_CASE("times: what is refused, and why") {
  for (const char* text : {"",
                           " ",
                           "soon",
                           "-",
                           "-x",
                           "ago",
                           " ago",
                           "x ago",
                           "2026-13-01",
                           "2026-02-29",
                           "2026-1-1",
                           "2026-11-20 24:00",
                           "2026-11-20 10:60",
                           "2026-11-20 10:00:60",
                           "2026-11-20 10",
                           "10:0",
                           "2026-11-20 10:00:00.",
                           "2026-11-20 10:00:00.1234567",
                           "2026-11-20x",
                           "2026-11-20 10:00 CET",
                           "2026-11-20 10:00+99:00",
                           "@",
                           "@x",
                           "@-1",
                           "@1.",
                           "@999999999999",
                           "today10:00",
                           "yesterdayish",
                           "tomorrow",
                           "-99999999999999999999",
                           "- 2026-11-20",
                           "2026-11-20 ago"}) {
    INFO(text);
    auto time = ParseTime(text, kNow, Utc);
    REQUIRE_FALSE(time);
    CHECK(time.error().code == ErrorCode::kInvalidArgument);
    CHECK(time.error().message.find("is not a time; write for example -2h") != std::string::npos);
  }
  auto future = ParseTime("+2h", kNow, Utc);
  REQUIRE_FALSE(future);
  CHECK(future.error().message == "'+2h' is in the future; for the past write -2h");
  auto span = ParseTime("2h", kNow, Utc);
  REQUIRE_FALSE(span);
  CHECK(span.error().message == "'2h' is a span, not a time; for so long ago write -2h");
  CHECK_FALSE(ParseTime("-100y", kNow, Utc));
}

TEST_CASE("times: days begin at local midnight") {
  // 23:30 of the 20th in New York is 04:30 of the 21st in UTC.
  const std::int64_t now = kMidnight + (4 * kHour + 1800) * kUsec;
  CHECK(*ParseTime("today", now, NewYorkWinter) == kMidnight - 19 * kHour * kUsec);
  CHECK(*ParseTime("yesterday", now, NewYorkWinter) == kMidnight - 43 * kHour * kUsec);
  CHECK(*ParseTime("23:00", now, NewYorkWinter) == now - 1800 * kUsec);
}

TEST_CASE("times: where clocks jump") {
  struct EdgeRow {
    const char* text;
    std::int64_t epoch;
  };
  const EdgeRow rows[] = {
      {"2026-03-29 01:59:59", kSummerBegins - 1},
      {"2026-03-29 03:00", kSummerBegins},
      // 02:30 does not occur: an hour before 03:30, which is 01:30 before the jump.
      {"2026-03-29 02:30", kSummerBegins - 1800},
      {"2026-03-29", kSummerBegins - 2 * kHour},
      {"2026-03-30", kSummerBegins + 21 * kHour},
      {"2026-10-25 01:59:59", kSummerEnds - kHour - 1},
      // 02:30 occurs twice: the first.
      {"2026-10-25 02:30", kSummerEnds - 1800},
      {"2026-10-25 03:00", kSummerEnds + kHour},
      {"2026-10-25", kSummerEnds - 3 * kHour},
      {"2026-10-26", kSummerEnds + 22 * kHour},
      {"2026-10-25 02:30 +01:00", kSummerEnds + 1800},
  };
  for (const EdgeRow& row : rows) {
    INFO(row.text);
    CHECK(Parsed(row.text, Berlin) == row.epoch * kUsec);
  }
}

TEST_CASE("times: the process's own zone") {
  const char* old = std::getenv("TZ");
  const std::string saved = old == nullptr ? "" : old;
  // POSIX's form needs no zone files: Central European rules.
  ::setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
  UtcOffset zone = LocalUtcOffset();
  for (std::int64_t epoch : {kSummerBegins - 1, kSummerBegins, kSummerEnds - 1, kSummerEnds}) {
    CHECK(zone(epoch) == Berlin(epoch));
  }
  CHECK(Parsed("2026-10-25 02:30", zone) == (kSummerEnds - 1800) * kUsec);
  if (old == nullptr) {
    ::unsetenv("TZ");
  } else {
    ::setenv("TZ", saved.c_str(), 1);
  }
  ::tzset();
}

TEST_CASE("times: shown") {
  CHECK(FormatShortTime(kNow, Utc) == "Nov 21 10:30:00.500000");
  CHECK(FormatShortTime(kNow, Berlin) == "Nov 21 11:30:00.500000");
  CHECK(FormatShortTime(5, NewYorkWinter) == "Dec 31 19:00:00.000005");
  CHECK(FormatLongTime(kNow, Utc) == "2026-11-21 10:30:00");
  CHECK(FormatLongTime(kSummerEnds * kUsec, Berlin) == "2026-10-25 02:00:00");
}

TEST_CASE("times: what is shown long is read back") {
  for (std::int64_t epoch = kSummerBegins - 90000; epoch < kSummerEnds; epoch += 86'399 * 7) {
    CHECK(Parsed(FormatLongTime(epoch * kUsec, Berlin).c_str(), Berlin) == epoch * kUsec);
  }
}

TEST_CASE("times: as ISO 8601 writes them, and as seconds since 1970") {
  CHECK(FormatIsoTime(kNow, Utc, false) == "2026-11-21T10:30:00+00:00");
  CHECK(FormatIsoTime(kNow, Berlin, true) == "2026-11-21T11:30:00.500000+01:00");
  CHECK(FormatIsoTime(kNow, NewYorkWinter, false) == "2026-11-21T05:30:00-05:00");
  auto kathmandu = [](std::int64_t) -> std::int64_t { return 5 * kHour + 45 * 60; };
  CHECK(FormatIsoTime(kNow, kathmandu, false) == "2026-11-21T16:15:00+05:45");
  CHECK(FormatUnixTime(kNow) == "1795257000.500000");
  CHECK(FormatUnixTime(0) == "0.000000");
}
