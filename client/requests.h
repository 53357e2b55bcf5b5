// The parameters of the calls that take any. Pure.
#pragma once

#include <string>
#include <vector>

#include "client/answers.h"
#include "client/options.h"
#include "protocol/json_value.h"

namespace cj::client {

// Of org.changejournal.Changes; `since` has been decided, and counts where there is no consumer.
// progress: replies may come that tell how far a crawl is.
JsonValue ChangesParameters(const ChangesOptions& options, const Position& since,
                            bool progress = false);
// Of org.changejournal.ChangePaths: the same and relative_to.
JsonValue ChangePathsParameters(const ChangesOptions& options, const Position& since,
                                bool progress = false);
// Of org.changejournal.Crawl.
JsonValue CrawlParameters(const std::vector<std::string>& paths);
JsonValue LogParameters(const LogOptions& options);
JsonValue ExplainParameters(const ExplainOptions& options);
// `resume`: where the feed was, if there was one before.
JsonValue FollowParameters(const FollowOptions& options, const FeedPosition& resume);
JsonValue AddConsumerParameters(const NewConsumer& consumer);
JsonValue RemoveConsumerParameters(const std::string& name);
JsonValue AcknowledgeParameters(const AcknowledgeOptions& options);
// Of Checkpoint; an empty label is none.
JsonValue CheckpointParameters(const std::string& label);

}  // namespace cj::client
