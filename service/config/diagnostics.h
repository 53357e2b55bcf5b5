// Complaints about a configuration, collected up to a limit. Not thread-safe.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "service/config/config.h"

namespace cj {

class DiagnosticList {
 public:
  // `what`: the plural noun of the line that says how many were left out.
  explicit DiagnosticList(std::string what) : what_(std::move(what)) {}
  void Add(Diagnostic diagnostic);
  std::vector<Diagnostic> Take();

 private:
  std::string what_;
  std::vector<Diagnostic> kept_;
  Diagnostic last_;
  std::size_t left_out_ = 0;
};

// The text for a message: bytes that are not printable ASCII or part of well-formed UTF-8 as \xNN,
// at most 200 of them.
std::string Printable(std::string_view text);

// "did you mean Exclude=?" when a known name is near enough, else "there are A=, B= and C=".
std::string Suggest(std::string_view name, std::span<const std::string_view> known);

}  // namespace cj
