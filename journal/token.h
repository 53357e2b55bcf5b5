// Tokens: what a client keeps of a checkpoint. Text "cj1-<8 hex digits>-<period>". Pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "journal/ids.h"

namespace cj {

struct Token {
  JournalId journal;
  PeriodId period;  // at least 1
  friend bool operator==(const Token&, const Token&) = default;
};

std::string FormatToken(const Token& token);
// kInvalidArgument for anything that FormatToken could not have written (upper-case digits, leading
// zeros and spaces included): a token that was cut short must not be read as another one.
Result<Token> ParseToken(std::string_view text);

}  // namespace cj
