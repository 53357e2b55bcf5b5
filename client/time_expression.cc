#include "client/time_expression.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <optional>

#include "base/units.h"

namespace cj::client {
namespace {

constexpr std::int64_t kUsec = 1'000'000;
constexpr std::int64_t kMinuteSeconds = 60;
constexpr std::int64_t kHourSeconds = 3600;
constexpr std::int64_t kDaySeconds = 86400;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::int64_t FloorDivide(std::int64_t value, std::int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

// Takes exactly `digits` digits off the front.
std::optional<std::int64_t> TakeFixed(std::string_view& text, std::size_t digits) {
  if (text.size() < digits) return std::nullopt;
  std::int64_t value = 0;
  for (std::size_t i = 0; i < digits; ++i) {
    if (!IsDigit(text[i])) return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(digits);
  return value;
}

bool Take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

bool TakeWord(std::string_view& text, std::string_view word) {
  if (text.substr(0, word.size()) != word) return false;
  text.remove_prefix(word.size());
  return true;
}

void SkipSpaces(std::string_view& text) {
  while (Take(text, ' ')) {
  }
}

// ".123456" as microseconds; no point is zero. At most six digits.
std::optional<std::int64_t> TakeFraction(std::string_view& text) {
  if (!Take(text, '.')) return 0;
  std::int64_t value = 0;
  std::int64_t scale = kUsec;
  while (!text.empty() && IsDigit(text.front())) {
    if (scale == 1) return std::nullopt;
    scale /= 10;
    value += (text.front() - '0') * scale;
    text.remove_prefix(1);
  }
  if (scale == kUsec) return std::nullopt;
  return value;
}

// A reading of a clock on the wall: seconds since 1970 as if it hung at Greenwich.
struct WallTime {
  std::int64_t seconds = 0;
  std::int64_t usec = 0;
};

// YYYY-MM-DD as days since 1970.
std::optional<std::int64_t> TakeDate(std::string_view& text) {
  auto year = TakeFixed(text, 4);
  if (!year || !Take(text, '-')) return std::nullopt;
  auto month = TakeFixed(text, 2);
  if (!month || !Take(text, '-')) return std::nullopt;
  auto day = TakeFixed(text, 2);
  if (!day) return std::nullopt;
  std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                   std::chrono::month(static_cast<unsigned>(*month)),
                                   std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date).time_since_epoch().count();
}

// HH:MM[:SS[.us]] since midnight.
std::optional<WallTime> TakeClock(std::string_view& text) {
  auto hours = TakeFixed(text, 2);
  if (!hours || *hours > 23 || !Take(text, ':')) return std::nullopt;
  auto minutes = TakeFixed(text, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  WallTime time;
  time.seconds = *hours * kHourSeconds + *minutes * kMinuteSeconds;
  if (!Take(text, ':')) return time;
  auto seconds = TakeFixed(text, 2);
  if (!seconds || *seconds > 59) return std::nullopt;
  auto usec = TakeFraction(text);
  if (!usec) return std::nullopt;
  time.seconds += *seconds;
  time.usec = *usec;
  return time;
}

// "UTC", "Z" or "+02:00" at the end: the zone's offset in seconds. Outer nullopt: nonsense; inner:
// nothing there, the local zone is meant.
std::optional<std::optional<std::int64_t>> TakeZone(std::string_view& text) {
  using Zone = std::optional<std::int64_t>;
  SkipSpaces(text);
  if (text.empty()) return Zone();
  if (TakeWord(text, "UTC") || Take(text, 'Z')) return Zone(0);
  const bool ahead = text.front() == '+';
  if (!Take(text, '+') && !Take(text, '-')) return std::nullopt;
  auto hours = TakeFixed(text, 2);
  if (!hours || *hours > 14) return std::nullopt;
  Take(text, ':');
  auto minutes = TakeFixed(text, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  std::int64_t offset = *hours * kHourSeconds + *minutes * kMinuteSeconds;
  return Zone(ahead ? offset : -offset);
}

// The moment at which local clocks show `wall`; the earlier one of two. Offsets change at most once
// within two days anywhere, so the day before and the day after know both candidates.
std::int64_t ToMoment(std::int64_t wall, const UtcOffset& utc_offset) {
  std::int64_t first = wall - utc_offset(wall - kDaySeconds);
  std::int64_t second = wall - utc_offset(wall + kDaySeconds);
  if (first > second) std::swap(first, second);
  const bool first_fits = first + utc_offset(first) == wall;
  const bool second_fits = second + utc_offset(second) == wall;
  return !first_fits && second_fits ? second : first;
}

std::int64_t LocalDay(std::int64_t now_usec, const UtcOffset& utc_offset) {
  std::int64_t now = FloorDivide(now_usec, kUsec);
  return FloorDivide(now + utc_offset(now), kDaySeconds);
}

Error BadTime(std::string_view text) {
  return {ErrorCode::kInvalidArgument,
          "'" + std::string(text) +
              "' is not a time; write for example -2h, '5 minutes ago', yesterday, 10:30, "
              "'2026-11-20 10:30' or @1700000000"};
}

// "Fri " or "Friday " at the front: the day of the week, Sunday is 0.
std::optional<unsigned> TakeWeekday(std::string_view& text) {
  constexpr std::array<std::string_view, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                     "Thursday", "Friday", "Saturday"};
  constexpr std::size_t kShort = 3;
  for (unsigned day = 0; day < kDays.size(); ++day) {
    std::string_view rest = text;
    if (!TakeWord(rest, kDays.at(day)) && !TakeWord(rest, kDays.at(day).substr(0, kShort)))
      continue;
    if (!Take(rest, ' ')) continue;
    SkipSpaces(rest);
    text = rest;
    return day;
  }
  return std::nullopt;
}

unsigned WeekdayOf(std::int64_t day) {
  return std::chrono::weekday(std::chrono::sys_days(std::chrono::days(day))).c_encoding();
}

// [[weekday] date] [clock] [zone]; the date may be a word.
std::optional<std::int64_t> ParseCalendar(std::string_view text, std::int64_t now_usec,
                                          const UtcOffset& utc_offset) {
  std::int64_t day = LocalDay(now_usec, utc_offset);
  bool has_date = true;
  const auto weekday = TakeWeekday(text);
  if (TakeWord(text, "yesterday")) {
    day -= 1;
  } else if (!TakeWord(text, "today")) {
    std::string_view rest = text;
    if (auto date = TakeDate(rest)) {
      day = *date;
      text = rest;
    } else {
      has_date = false;
    }
  }
  if (weekday && (!has_date || WeekdayOf(day) != *weekday)) return std::nullopt;
  WallTime clock;
  if (!has_date || Take(text, ' ') || Take(text, 'T')) {
    SkipSpaces(text);
    std::string_view rest = text;
    if (auto taken = TakeClock(rest)) {
      clock = *taken;
      text = rest;
    } else if (!has_date) {
      return std::nullopt;
    }
  }
  auto zone = TakeZone(text);
  if (!zone || !text.empty()) return std::nullopt;
  std::int64_t wall = day * kDaySeconds + clock.seconds;
  std::int64_t seconds = *zone ? wall - **zone : ToMoment(wall, utc_offset);
  return seconds * kUsec + clock.usec;
}

std::optional<std::int64_t> ParseEpoch(std::string_view text) {
  constexpr std::size_t kMaxDigits = 11;  // year 5138; keeps the product far from overflow
  std::int64_t seconds = 0;
  std::size_t digits = 0;
  for (; !text.empty() && IsDigit(text.front()) && digits <= kMaxDigits; ++digits) {
    seconds = seconds * 10 + (text.front() - '0');
    text.remove_prefix(1);
  }
  if (digits == 0 || digits > kMaxDigits) return std::nullopt;
  auto usec = TakeFraction(text);
  if (!usec || !text.empty()) return std::nullopt;
  return seconds * kUsec + *usec;
}

Result<std::int64_t> Before(std::string_view span_text, std::string_view text,
                            std::int64_t now_usec) {
  auto span = ParseTimeSpan(span_text);
  if (!span) return BadTime(text);
  if (*span > now_usec) {
    return Error{ErrorCode::kInvalidArgument, "'" + std::string(text) + "' is before 1970"};
  }
  return now_usec - *span;
}

std::tm LocalFields(std::int64_t usec, const UtcOffset& utc_offset) {
  std::int64_t seconds = FloorDivide(usec, kUsec);
  std::time_t shown = seconds + utc_offset(seconds);
  std::tm fields{};
  ::gmtime_r(&shown, &fields);
  return fields;
}

}  // namespace

UtcOffset LocalUtcOffset() {
  ::tzset();
  return [](std::int64_t epoch_seconds) -> std::int64_t {
    std::time_t time = epoch_seconds;
    std::tm fields{};
    if (::localtime_r(&time, &fields) == nullptr) return 0;
    return fields.tm_gmtoff;
  };
}

Result<std::int64_t> ParseTime(std::string_view text, std::int64_t now_usec,
                               const UtcOffset& utc_offset) {
  constexpr std::string_view kAgo = " ago";
  std::string_view rest = text;
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  while (!rest.empty() && rest.back() == ' ') rest.remove_suffix(1);
  if (rest == "now") return now_usec;
  if (rest == "beginning") return 0;
  if (rest.empty()) return BadTime(text);
  if (rest.front() == '-') return Before(rest.substr(1), text, now_usec);
  if (rest.front() == '+') {
    return Error{ErrorCode::kInvalidArgument, "'" + std::string(text) +
                                                  "' is in the future; for the past write -" +
                                                  std::string(rest.substr(1))};
  }
  if (rest.size() > kAgo.size() && rest.substr(rest.size() - kAgo.size()) == kAgo) {
    return Before(rest.substr(0, rest.size() - kAgo.size()), text, now_usec);
  }
  auto usec =
      rest.front() == '@' ? ParseEpoch(rest.substr(1)) : ParseCalendar(rest, now_usec, utc_offset);
  if (usec) return *usec;
  if (ParseTimeSpan(rest)) {
    return Error{ErrorCode::kInvalidArgument,
                 "'" + std::string(text) + "' is a span, not a time; for so long ago write -" +
                     std::string(rest)};
  }
  return BadTime(text);
}

std::string FormatShortTime(std::int64_t usec, const UtcOffset& utc_offset) {
  constexpr std::array kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::tm fields = LocalFields(usec, utc_offset);
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%s %02d %02d:%02d:%02d.%06d",
                kMonths.at(static_cast<std::size_t>(fields.tm_mon)), fields.tm_mday, fields.tm_hour,
                fields.tm_min, fields.tm_sec,
                static_cast<int>(usec - FloorDivide(usec, kUsec) * kUsec));
  return buffer.data();
}

std::string FormatIsoTime(std::int64_t usec, const UtcOffset& utc_offset, bool precise) {
  const std::tm fields = LocalFields(usec, utc_offset);
  const std::int64_t seconds = FloorDivide(usec, kUsec);
  const std::int64_t ahead = utc_offset(seconds);
  const std::int64_t minutes = std::abs(ahead) / kMinuteSeconds;
  std::array<char, 64> fraction{};
  if (precise) {
    std::snprintf(fraction.data(), fraction.size(), ".%06d",
                  static_cast<int>(usec - seconds * kUsec));
  }
  std::array<char, 128> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%04d-%02d-%02dT%02d:%02d:%02d%s%c%02d:%02d",
                fields.tm_year + 1900, fields.tm_mon + 1, fields.tm_mday, fields.tm_hour,
                fields.tm_min, fields.tm_sec, fraction.data(), ahead < 0 ? '-' : '+',
                static_cast<int>(minutes / 60), static_cast<int>(minutes % 60));
  return buffer.data();
}

std::string FormatUnixTime(std::int64_t usec) {
  const std::int64_t seconds = FloorDivide(usec, kUsec);
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%lld.%06d", static_cast<long long>(seconds),
                static_cast<int>(usec - seconds * kUsec));
  return buffer.data();
}

std::string FormatLongTime(std::int64_t usec, const UtcOffset& utc_offset) {
  std::tm fields = LocalFields(usec, utc_offset);
  std::array<char, 64> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%04d-%02d-%02d %02d:%02d:%02d",
                fields.tm_year + 1900, fields.tm_mon + 1, fields.tm_mday, fields.tm_hour,
                fields.tm_min, fields.tm_sec);
  return buffer.data();
}

}  // namespace cj::client
