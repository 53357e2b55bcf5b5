// Log entries as replies of Log and Follow. Pure but for a token that is looked up.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "service/feed.h"
#include "service/log_reader.h"
#include "service/object_ids.h"

namespace cj {

// A FeedPosition.
nlohmann::json PositionToJson(const JournalService& service, const FeedPosition& position);

struct LogReply {
  nlohmann::json
      parameters;  // {"records": [...], "gaps": [...]}, the gaps only where there are any
  // The last of its records; nothing where there is none.
  PeriodId period;
  SequenceNumber sequence;
};

// Entries as replies that are no longer than they should be, in which gaps come before records, as
// they do in the log. Each is made when it is asked for: a reader who takes his time keeps the
// entries waiting, and not all that is made of them.
class LogReplies {
 public:
  // `ids` outlives it.
  LogReplies(std::vector<LogEntry> entries, const ObjectIds& ids)
      : ids_(ids), entries_(std::move(entries)) {}
  bool done() const { return next_ == entries_.size(); }
  // Not when it is done.
  LogReply Next();

 private:
  const ObjectIds& ids_;
  std::vector<LogEntry> entries_;
  std::size_t next_ = 0;
};

}  // namespace cj
