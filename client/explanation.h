// What the daemon says of one path, and how it is shown. Pure.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "client/answers.h"
#include "client/format.h"

namespace cj::client {

struct Evidence {
  std::string role;   // name, former, link, above, member
  std::string token;  // of the record's period
  Record record;
};

struct Verdict {
  std::string since;
  bool told = false;
  std::int64_t below = 0;     // lines of the answer about what is below the path
  std::int64_t left_out = 0;  // records beyond those that were told
  bool incomplete = false;    // there may be others, which were not looked for
  std::string refused;        // why there is no answer; empty: there is one
  std::string why_not;        // why the answer does not speak of the path; empty: it does
};

struct Explanation {
  std::vector<Change> changes;
  std::vector<Gap> gaps;
  std::vector<Evidence> evidence;
  std::optional<Verdict> verdict;  // none: the answer was cut short
};

// Adds what a reply of Explain says. kCorruption as in answers.h.
Status AddExplanation(const nlohmann::json& parameters, Explanation* explanation);

// `explanation` has a verdict.
std::string FormatExplanation(const std::string& path, const Explanation& explanation,
                              const Style& style, const UtcOffset& zone);
// Lines of {"change":...} as of `changes`, {"gap":...}, {"role":...,"token":...,"record":{...}},
// and at the end {"verdict":{...}}.
std::string FormatExplanationJson(const Explanation& explanation);

}  // namespace cj::client
