// The rates of the last minute.
#include "service/recent_rates.h"

#include <catch2/catch.hpp>

using cj::RecentRates;

namespace {
constexpr std::int64_t kSecond = 1'000'000;
}

TEST_CASE("rates: since the start while that is less than a minute ago") {
  RecentRates rates;
  CHECK(rates.Since({5, 5, 5}).interval_usec == 0);
  rates.Note({100 * kSecond, 0, 0});
  auto since = rates.Since({110 * kSecond, 50, 20});
  CHECK(since.interval_usec == 10 * kSecond);
  CHECK(since.events == 50);
  CHECK(since.records == 20);
}

TEST_CASE("rates: over about a minute later on, however long that goes on") {
  RecentRates rates;
  for (std::uint64_t second = 0; second <= 3600; second += 10) {
    rates.Note({static_cast<std::int64_t>(second) * kSecond, second * 7, second});
  }
  const auto since = rates.Since({3603 * kSecond, 3603 * 7, 3603});
  CHECK(since.interval_usec == 63 * kSecond);
  CHECK(since.events == 63 * 7);
  CHECK(since.records == 63);
}

TEST_CASE("rates: readings that come all the time do not drive out the older ones") {
  RecentRates rates;
  for (std::int64_t tenth = 0; tenth <= 12'000; ++tenth) {
    rates.Note({tenth * kSecond / 10, static_cast<std::uint64_t>(tenth), 0});
  }
  const auto since = rates.Since({1200 * kSecond, 12'000, 0});
  CHECK(since.interval_usec >= 60 * kSecond);
  CHECK(since.interval_usec <= 65 * kSecond);
}

TEST_CASE("rates: after a sleep the interval is what it was") {
  RecentRates rates;
  rates.Note({0, 0, 0});
  rates.Note({10 * kSecond, 10, 10});
  const auto since = rates.Since({1000 * kSecond, 20, 10});
  CHECK(since.interval_usec == 990 * kSecond);
  CHECK(since.events == 10);
}
