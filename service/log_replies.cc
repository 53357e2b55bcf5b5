#include "service/log_replies.h"

#include <cstddef>
#include <nlohmann/json.hpp>

#include "service/convert.h"

namespace cj {

using nlohmann::json;

std::vector<LogReply> RepliesOf(const std::vector<LogEntry>& entries) {
  std::vector<LogReply> replies;
  std::size_t bytes = 0;
  for (const LogEntry& entry : entries) {
    const bool begins =
        replies.empty() || bytes > kFullReply || (entry.gap && replies.back().sequence.value != 0);
    if (begins) replies.push_back({json{{"records", json::array()}}, {}, {}});
    if (begins) bytes = 0;
    bytes += entry.path.size() + entry.from.size();
    LogReply& reply = replies.back();
    if (entry.gap) {
      bytes += entry.gap->gap.volume.size() + entry.gap->gap.cause.size();
      reply.parameters["gaps"].push_back(ToJson(entry.gap->gap));
    } else {
      reply.parameters["records"].push_back(ToJson(entry));
      reply.period = entry.record.period;
      reply.sequence = entry.record.sequence;
    }
  }
  return replies;
}

}  // namespace cj
