#include "journal/token.h"

#include <charconv>
#include <cstdint>

namespace cj {
namespace {

constexpr std::string_view kPrefix = "cj1-";
constexpr std::size_t kIdDigits = 8;

Error NotAToken() {
  return Error{ErrorCode::kInvalidArgument,
               "not a token: one looks like cj1-0123abcd-17, as `changectl checkpoint` prints it"};
}

// from_chars takes upper case, so the digits are looked at before.
bool IsLowerHex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

}  // namespace

std::string FormatToken(const Token& token) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text(kPrefix);
  for (int shift = 28; shift >= 0; shift -= 4) {
    text.push_back(kDigits[(token.journal.value >> shift) & 0xf]);
  }
  text.push_back('-');
  text += std::to_string(token.period.value);
  return text;
}

Result<Token> ParseToken(std::string_view text) {
  if (!text.starts_with(kPrefix)) return NotAToken();
  text.remove_prefix(kPrefix.size());
  if (text.size() < kIdDigits + 2 || text[kIdDigits] != '-') return NotAToken();
  std::string_view id = text.substr(0, kIdDigits);
  std::string_view period = text.substr(kIdDigits + 1);
  if (!IsLowerHex(id) || period[0] < '1' || period[0] > '9') return NotAToken();
  Token token;
  std::from_chars(id.data(), id.data() + id.size(), token.journal.value, 16);
  const char* end = period.data() + period.size();
  auto [rest, error] = std::from_chars(period.data(), end, token.period.value);
  if (error != std::errc() || rest != end) return NotAToken();
  return token;
}

}  // namespace cj
