// Log entries as replies of Log and Follow. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "service/log_reader.h"

namespace cj {

struct LogReply {
  nlohmann::json
      parameters;  // {"records": [...], "gaps": [...]}, the gaps only where there are any
  // The last of its records; nothing where there is none.
  PeriodId period;
  SequenceNumber sequence;
};

// Replies that are no longer than they should be, in which gaps come before records, as they do in
// the log. None for no entries.
std::vector<LogReply> RepliesOf(const std::vector<LogEntry>& entries);

}  // namespace cj
