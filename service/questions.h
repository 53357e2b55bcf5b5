// From the parameters of a call to a question. Pure but for the reader's state.
#pragma once

#include <optional>
#include <string>

#include "protocol/parameters.h"
#include "service/feed.h"
#include "service/journal_service.h"

namespace cj {

// What Changes and ChangePaths have in common. Paths are checked: absolute, and made normal.
Question ReadQuestion(ParameterReader& reader);

// `paths`, checked likewise.
std::vector<std::string> ReadPaths(ParameterReader& reader);

// What AddConsumer and Acknowledge take.
NewConsumer ReadNewConsumer(ParameterReader& reader);
Acknowledgement ReadAcknowledgement(ParameterReader& reader);

struct LogParameters {
  ReadingPosition reader;  // empty: since the oldest period
  LogQuestion question;
  std::optional<std::int64_t> lines;  // none: no bound
  bool follow = false;
  std::optional<FeedRequest::Resume> resume;  // with `follow`: goes on there
};
LogParameters ReadLogParameters(ParameterReader& reader, std::int64_t max_lines);

// Of Explain, with the reader whose position is `since`; empty: since the oldest period.
struct ExplainParameters {
  ReadingPosition reader;
  std::string path;
  std::optional<Position> until;
};
ExplainParameters ReadExplainParameters(ParameterReader& reader);

// What Follow takes.
FeedRequest ReadFeedRequest(ParameterReader& reader);

}  // namespace cj
