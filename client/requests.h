// The parameters of the calls that the library has no functions for, or whose replies are shown as
// they are. Pure.
#pragma once

#include <string>
#include <vector>

#include "client/options.h"
#include "protocol/json_value.h"

namespace cj::client {

// Of org.changejournal.Crawl.
JsonValue CrawlParameters(const std::vector<std::string>& paths);
JsonValue ExplainParameters(const ExplainOptions& options);
JsonValue AddConsumerParameters(const NewConsumer& consumer);
JsonValue RemoveConsumerParameters(const std::string& name);
JsonValue AcknowledgeParameters(const AcknowledgeOptions& options);
// Of Checkpoint; an empty label is none.
JsonValue CheckpointParameters(const std::string& label);

}  // namespace cj::client
