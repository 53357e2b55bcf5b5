// A token is read only in the one spelling that we write: one that was cut short must not become
// another one.
#include "journal/token.h"

#include "fixture.h"

namespace cj {
namespace {

TEST_CASE("tokens: one spelling for each") {
  struct Row {
    std::uint32_t journal;
    std::uint64_t period;
    const char* text;
  };
  const Row rows[] = {
      {0, 1, "cj1-00000000-1"},
      {0x0123abcd, 17, "cj1-0123abcd-17"},
      {0xffffffff, ~0ULL, "cj1-ffffffff-18446744073709551615"},
  };
  for (const Row& row : rows) {
    Token token{JournalId(row.journal), PeriodId(row.period)};
    CHECK(FormatToken(token) == row.text);
    CHECK(ParseToken(row.text).value() == token);
  }
}

TEST_CASE("tokens: nothing else is one") {
  const char* const rows[] = {
      "",
      "cj1-",
      "cj1-0123abcd",
      "cj1-0123abcd-",
      "cj1-0123abcd-0",
      "cj1-0123abcd-017",
      "cj1-0123abcd-+1",
      "cj1-0123abcd--1",
      "cj1-0123abcd- 1",
      "cj1-0123abcd-1 ",
      "cj1-0123abcd-1\n",
      "cj1-0123abcd-1x",
      "cj1-0123abcd-0x1",
      "cj1-0123abcd-18446744073709551616",
      "cj1-0123ABCD-1",
      "cj1-0123abc-1",
      "cj1-0123abcde-1",
      "cj1-0123abcg-1",
      "cj2-0123abcd-1",
      "CJ1-0123abcd-1",
      " cj1-0123abcd-1",
      "cj1_0123abcd_1",
  };
  for (const char* row : rows) {
    CAPTURE(row);
    CHECK(FailureOf(ParseToken(row)).code == ErrorCode::kInvalidArgument);
  }
  CHECK_FALSE(ParseToken(std::string_view("cj1-0123abcd-1\0", 15)).has_value());
}

}  // namespace
}  // namespace cj
