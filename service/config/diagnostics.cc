#include "service/config/diagnostics.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <numeric>

#include "base/text.h"

namespace cj {
namespace {

// Levenshtein's distance without regard to case.
std::size_t Distance(std::string_view a, std::string_view b) {
  auto same = [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) ==
           std::tolower(static_cast<unsigned char>(y));
  };
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < b.size(); ++j) {
      std::size_t replaced = diagonal + (same(a[i], b[j]) ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

void DiagnosticList::Add(Diagnostic diagnostic) {
  if (kept_.size() + 1 < kMaxDiagnostics) {
    kept_.push_back(std::move(diagnostic));
    return;
  }
  last_ = std::move(diagnostic);
  ++left_out_;
}

std::vector<Diagnostic> DiagnosticList::Take() {
  if (left_out_ > 1) {
    last_.message = std::to_string(left_out_) + " more " + what_ + " from about here on, left out";
  }
  if (left_out_ > 0) kept_.push_back(std::move(last_));
  left_out_ = 0;
  return std::move(kept_);
}

std::string FormatDiagnostic(const Diagnostic& diagnostic) {
  std::string text = diagnostic.file + ":";
  if (diagnostic.line > 0) text += std::to_string(diagnostic.line) + ":";
  return text + " " + diagnostic.message;
}

std::string Printable(std::string_view text) {
  constexpr std::size_t kMaxShown = 200;
  const bool utf8 = IsUtf8(text);
  std::string out;
  for (char c : text.substr(0, kMaxShown)) {
    auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !utf8)) {
      std::array<char, 5> escaped{};
      std::snprintf(escaped.data(), escaped.size(), "\\x%02x", byte);
      out += escaped.data();
    } else {
      out += c;
    }
  }
  if (text.size() > kMaxShown) out += "...";
  return out;
}

std::string Suggest(std::string_view name, std::span<const std::string_view> known) {
  constexpr std::size_t kMaxSuggestLength = 40;  // the distance is quadratic
  constexpr std::size_t kNear = 2;
  if (name.size() <= kMaxSuggestLength) {
    for (std::string_view candidate : known) {
      if (Distance(name, candidate) <= kNear)
        return "did you mean " + std::string(candidate) + "=?";
    }
  }
  std::string text = "there are ";
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (i > 0) text += i + 1 == known.size() ? " and " : ", ";
    text += std::string(known[i]) + "=";
  }
  return text;
}

}  // namespace cj
