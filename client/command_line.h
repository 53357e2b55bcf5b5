// The command line: words to Options. Pure, given the surroundings; CLI11 stays in the .cc.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "client/exit_status.h"
#include "client/options.h"
#include "client/time_expression.h"

namespace cj::client {

// What the words mean depends on.
struct Surroundings {
  std::int64_t now_usec = 0;
  UtcOffset utc_offset;
  std::string working_directory;  // absolute
};

// Either options to be carried out, or text and a status to end with (--help, --version: stdout and
// success; a mistake: message for stderr and kUsage).
struct CommandLine {
  std::optional<Options> options;
  std::string output;  // for stdout
  Outcome outcome;
};

// `given`: without the program's name.
CommandLine ParseCommandLine(const std::vector<std::string>& given,
                             const Surroundings& surroundings);

}  // namespace cj::client
