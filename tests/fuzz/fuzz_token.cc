// Text that is read as a token is what that token is written as, and nothing else is.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "journal/token.h"

namespace {

void Try(std::string_view text) {
  auto token = cj::ParseToken(text);
  if (!token) return;
  CJ_CHECK(cj::FormatToken(*token) == text, "a token has one spelling");
  CJ_CHECK(token->period.value >= 1, "periods begin with 1");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string text(reinterpret_cast<const char*>(data), size);
  Try(text);
  // Most bytes are no token at once; these come further.
  Try("cj1-" + text);
  Try("cj1-0123abcd-" + text);
  return 0;
}
