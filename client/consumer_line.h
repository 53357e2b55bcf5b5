// The command line of consumers: verbs `consumer add|list|remove` and `ack`. Pure but for CLI11's
// objects.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "base/result.h"
#include "client/options.h"

namespace cj::client {

// The words as CLI11 leaves them, before they are checked together.
struct ConsumerWords {
  std::string name, since, config_hash, max_lag, max_lag_size, place, record;
  std::vector<std::string> watches;
};

void AddConsumerAdd(CLI::App* app, ConsumerWords* words, Options* options);
void AddConsumerRemove(CLI::App* app, ConsumerWords* words);
void AddAck(CLI::App* app, ConsumerWords* words);

// All but `since` and `paths`, which take the caller's clock and directory. kInvalidArgument.
Status FinishConsumer(const ConsumerWords& words, Options* options);
Status FinishAck(const ConsumerWords& words, Options* options);

}  // namespace cj::client
