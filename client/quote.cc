#include "client/quote.h"

#include <array>
#include <cstdint>
#include <cstdio>

#include "base/text.h"

namespace cj::client {
namespace {

// Bytes of the UTF-8 sequence that starts here, 0 when none does.
std::size_t SequenceLength(std::string_view rest) {
  constexpr std::size_t kLongest = 4;
  for (std::size_t length = 1; length <= kLongest && length <= rest.size(); ++length) {
    if (IsUtf8(rest.substr(0, length))) return length;
  }
  return 0;
}

std::uint32_t CodePoint(std::string_view sequence) {
  auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(sequence[i]); };
  constexpr unsigned kBits = 6;
  constexpr std::array<std::uint32_t, 5> kLeadMask = {0, 0x7f, 0x1f, 0x0f, 0x07};
  std::uint32_t point = byte(0) & kLeadMask.at(sequence.size());
  for (std::size_t i = 1; i < sequence.size(); ++i) point = point << kBits | (byte(i) & 0x3fU);
  return point;
}

// C0 and C1 controls, line and paragraph separators, and what changes the direction of text: a name
// must not be able to pass for another one.
bool IsHarmful(std::uint32_t point) {
  return point < 0x20 || (point >= 0x7f && point < 0xa0) || point == 0x200e || point == 0x200f ||
         (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069) ||
         point == 0xfeff;
}

void AppendEscaped(std::string_view bytes, std::string* out) {
  for (char c : bytes) {
    switch (c) {
      case '\n':
        *out += "\\n";
        break;
      case '\t':
        *out += "\\t";
        break;
      case '\r':
        *out += "\\r";
        break;
      case '\x1b':
        *out += "\\E";
        break;
      default: {
        // Three octal digits: unlike \x they end by themselves.
        std::array<char, 5> escaped{};
        std::snprintf(escaped.data(), escaped.size(), "\\%03o", static_cast<unsigned char>(c));
        *out += escaped.data();
      }
    }
  }
}

std::string DollarQuote(std::string_view name) {
  std::string out = "$'";
  while (!name.empty()) {
    std::size_t length = SequenceLength(name);
    std::string_view sequence = name.substr(0, length == 0 ? 1 : length);
    if (length == 0 || IsHarmful(CodePoint(sequence))) {
      AppendEscaped(sequence, &out);
    } else {
      if (sequence == "'" || sequence == "\\") out += '\\';
      out += sequence;
    }
    name.remove_prefix(sequence.size());
  }
  return out + "'";
}

bool NeedsDollar(std::string_view name) {
  while (!name.empty()) {
    std::size_t length = SequenceLength(name);
    if (length == 0 || IsHarmful(CodePoint(name.substr(0, length)))) return true;
    name.remove_prefix(length);
  }
  return false;
}

}  // namespace

std::string QuoteName(std::string_view name) {
  constexpr std::string_view kSpecial = " !\"#$&'()*;<=>?[\\]^`{|}~";
  if (name.empty()) return "''";
  if (NeedsDollar(name)) return DollarQuote(name);
  if (name.find_first_of(kSpecial) == std::string_view::npos) return std::string(name);
  if (name.find('\'') == std::string_view::npos) return "'" + std::string(name) + "'";
  std::string out = "'";
  for (char c : name) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

}  // namespace cj::client
