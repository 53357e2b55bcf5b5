#include "base/units.h"

#include <array>
#include <cstdio>
#include <limits>
#include <optional>

namespace cj {
namespace {

constexpr std::int64_t kSecond = 1'000'000;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::int64_t kWeek = 7 * kDay;
constexpr std::int64_t kMonth = 2'629'800 * kSecond;
constexpr std::int64_t kYear = 31'557'600 * kSecond;

struct Unit {
  std::string_view name;
  std::int64_t usec;
};
constexpr std::array kUnits = {
    Unit{"usec", 1},          Unit{"us", 1},           Unit{"\xc2\xb5s", 1},
    Unit{"msec", 1000},       Unit{"ms", 1000},        Unit{"seconds", kSecond},
    Unit{"second", kSecond},  Unit{"sec", kSecond},    Unit{"s", kSecond},
    Unit{"minutes", kMinute}, Unit{"minute", kMinute}, Unit{"min", kMinute},
    Unit{"m", kMinute},       Unit{"hours", kHour},    Unit{"hour", kHour},
    Unit{"hr", kHour},        Unit{"h", kHour},        Unit{"days", kDay},
    Unit{"day", kDay},        Unit{"d", kDay},         Unit{"weeks", kWeek},
    Unit{"week", kWeek},      Unit{"w", kWeek},        Unit{"months", kMonth},
    Unit{"month", kMonth},    Unit{"M", kMonth},       Unit{"years", kYear},
    Unit{"year", kYear},      Unit{"y", kYear},
};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsSpace(char c) { return c == ' ' || c == '\t'; }

// A decimal number at the front of a text.
struct Number {
  std::uint64_t whole = 0;
  std::uint64_t fraction = 0;  // in units of 1/scale
  std::uint64_t scale = 1;
};

void SkipSpaces(std::string_view& text) {
  while (!text.empty() && IsSpace(text.front())) text.remove_prefix(1);
}

// Takes digits [. digits] off the front. Digits of the fraction beyond the ninth are below every
// unit's resolution and are dropped.
std::optional<Number> TakeNumber(std::string_view& text) {
  Number number;
  if (text.empty() || !IsDigit(text.front())) return std::nullopt;
  for (; !text.empty() && IsDigit(text.front()); text.remove_prefix(1)) {
    auto digit = static_cast<std::uint64_t>(text.front() - '0');
    if (__builtin_mul_overflow(number.whole, std::uint64_t{10}, &number.whole) ||
        __builtin_add_overflow(number.whole, digit, &number.whole)) {
      return std::nullopt;
    }
  }
  if (text.empty() || text.front() != '.') return number;
  text.remove_prefix(1);
  if (text.empty() || !IsDigit(text.front())) return std::nullopt;
  constexpr std::uint64_t kMaxScale = 1'000'000'000;
  for (; !text.empty() && IsDigit(text.front()); text.remove_prefix(1)) {
    if (number.scale == kMaxScale) continue;
    number.fraction = number.fraction * 10 + static_cast<std::uint64_t>(text.front() - '0');
    number.scale *= 10;
  }
  return number;
}

// number * unit, or nothing when it passes `limit`.
std::optional<std::uint64_t> Multiply(const Number& number, std::uint64_t unit,
                                      std::uint64_t limit) {
  using Wide = unsigned __int128;
  Wide product = static_cast<Wide>(number.whole) * unit;
  product += static_cast<Wide>(number.fraction) * unit / number.scale;
  if (product > limit) return std::nullopt;
  return static_cast<std::uint64_t>(product);
}

// Takes a word of letters off the front; empty when there is none.
std::string_view TakeWord(std::string_view& text) {
  std::size_t length = 0;
  while (length < text.size() && !IsDigit(text[length]) && !IsSpace(text[length]) &&
         text[length] != '.' && text[length] != '-' && text[length] != '+') {
    ++length;
  }
  std::string_view word = text.substr(0, length);
  text.remove_prefix(length);
  return word;
}

Error BadSpan(std::string_view text) {
  return {
      ErrorCode::kInvalidArgument,
      "'" + std::string(text) + "' is not a time span; write for example 500ms, 90s or 2h 30min"};
}

Error BadSize(std::string_view text) {
  return {ErrorCode::kInvalidArgument,
          "'" + std::string(text) + "' is not a size; write for example 4096, 512M or 10G"};
}

}  // namespace

Result<std::int64_t> ParseTimeSpan(std::string_view text) {
  constexpr std::uint64_t kLimit = std::numeric_limits<std::int64_t>::max();
  std::string_view rest = text;
  std::uint64_t total = 0;
  SkipSpaces(rest);
  if (rest.empty()) return BadSpan(text);
  while (!rest.empty()) {
    auto number = TakeNumber(rest);
    if (!number) return BadSpan(text);
    SkipSpaces(rest);
    std::string_view word = TakeWord(rest);
    std::int64_t unit = word.empty() ? kSecond : 0;
    for (const Unit& known : kUnits) {
      if (known.name == word) unit = known.usec;
    }
    if (unit == 0) return BadSpan(text);
    auto part = Multiply(*number, static_cast<std::uint64_t>(unit), kLimit - total);
    if (!part) return BadSpan(text);
    total += *part;
    SkipSpaces(rest);
  }
  return static_cast<std::int64_t>(total);
}

Result<std::uint64_t> ParseByteSize(std::string_view text) {
  std::string_view rest = text;
  SkipSpaces(rest);
  auto number = TakeNumber(rest);
  if (!number) return BadSize(text);
  SkipSpaces(rest);
  std::string_view suffix = rest;
  while (!suffix.empty() && IsSpace(suffix.back())) suffix.remove_suffix(1);
  std::uint64_t unit = 1;
  if (suffix.size() == 1 && suffix != "B") {
    constexpr std::string_view kSuffixes = "KMGTPE";
    constexpr unsigned kBitsPerStep = 10;
    std::size_t step = kSuffixes.find(suffix.front());
    if (step == std::string_view::npos) return BadSize(text);
    unit = std::uint64_t{1} << (kBitsPerStep * static_cast<unsigned>(step + 1));
  } else if (!suffix.empty() && suffix != "B") {
    return BadSize(text);
  }
  auto bytes = Multiply(*number, unit, std::numeric_limits<std::uint64_t>::max());
  if (!bytes) return BadSize(text);
  return *bytes;
}

std::string FormatTimeSpan(std::int64_t usec) {
  constexpr std::array kShown = {Unit{"y", kYear}, Unit{"month", kMonth}, Unit{"d", kDay},
                                 Unit{"h", kHour}, Unit{"min", kMinute},  Unit{"s", kSecond},
                                 Unit{"ms", 1000}, Unit{"us", 1}};
  std::string text;
  int parts = 0;
  std::int64_t rest = usec < 0 ? 0 : usec;
  for (const Unit& unit : kShown) {
    std::int64_t count = rest / unit.usec;
    rest %= unit.usec;
    if (count > 0) {
      if (!text.empty()) text += ' ';
      text += std::to_string(count);
      text += unit.name;
    }
    if (count > 0 || parts > 0) ++parts;
    if (parts == 2) break;
  }
  return text.empty() ? "0" : text;
}

std::string FormatByteSize(std::uint64_t bytes) {
  constexpr double kStep = 1024;
  if (bytes < static_cast<std::uint64_t>(kStep)) return std::to_string(bytes) + "B";
  constexpr std::string_view kSuffixes = "KMGTPE";
  double value = static_cast<double>(bytes) / kStep;
  std::size_t suffix = 0;
  // 1023.95 would be shown as 1024.0.
  while (value >= kStep - 0.05 && suffix + 1 < kSuffixes.size()) {
    value /= kStep;
    ++suffix;
  }
  std::array<char, 32> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%.1f%c", value, kSuffixes[suffix]);
  return buffer.data();
}

}  // namespace cj
