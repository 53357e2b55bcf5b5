#include "service/log_replies.h"

#include <nlohmann/json.hpp>

#include "service/convert.h"
#include "service/journal_service.h"

namespace cj {
namespace {

using nlohmann::json;

// What the entries of one reply may take: its text is about as long, and is kept while its reader
// does not read.
constexpr std::size_t kFullLogReply = std::size_t{128} << 10;

}  // namespace

json PositionToJson(const JournalService& service, const FeedPosition& position) {
  return {{"token", service.TokenOf(position.period)}, {"sequence", position.sequence.value}};
}

LogReply LogReplies::Next() {
  LogReply reply{json{{"records", json::array()}}, {}, {}};
  for (std::size_t bytes = 0; !done() && bytes < kFullLogReply; ++next_) {
    LogEntry& entry = entries_[next_];
    if (entry.gap && reply.sequence.value != 0) break;
    bytes += BytesOf(entry);
    if (entry.gap) {
      reply.parameters["gaps"].push_back(ToJson(entry.gap->gap));
    } else {
      reply.parameters["records"].push_back(ToJson(entry, ids_));
      reply.period = entry.record.period;
      reply.sequence = entry.record.sequence;
    }
    entry = LogEntry();
  }
  return reply;
}

}  // namespace cj
