// What changectl prints, as a list of paths to look at. Pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cj::oracle {

struct ReportedPath {
  std::string path;  // absolute
  bool recursive = false;
  std::string change;  // "created", ...; "path" where the format does not say
};

struct Answer {
  std::vector<ReportedPath> paths;
  std::string next;  // token
};

// The JSON lines of `changes --format=json`. kCorruption for anything that the manual does not
// promise: a missing summary, a count that is off, an unknown kind of change, complete not true.
Result<Answer> ParseJsonAnswer(std::string_view text);

// `changes -0`: NUL-terminated paths, and "next: TOKEN" on stderr.
Result<Answer> ParseNullAnswer(std::string_view output, std::string_view errors);

}  // namespace cj::oracle
