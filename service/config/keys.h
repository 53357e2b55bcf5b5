// What each key takes, and what it sets. Pure functions on one assignment.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "service/config/config.h"
#include "service/config/syntax.h"

namespace cj {

struct KeyOutcome {
  bool known = true;
  std::optional<std::string> error;  // what follows "Key="; the target is untouched then
};

KeyOutcome AssignJournalKey(const ConfigLine& line, Config* config);
// All keys of [Watch] but Path=, of which a section must have exactly one.
KeyOutcome AssignWatchKey(const ConfigLine& line, WatchConfig* watch);

// The names, in the order of the manual page.
std::span<const std::string_view> JournalKeyNames();
std::span<const std::string_view> WatchKeyNames();

}  // namespace cj
