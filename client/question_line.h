// The command line of the verbs that ask for changes or records, and what the others share with
// them: intervals and paths. Pure but for CLI11's objects. Errors are kInvalidArgument.
#pragma once

#include <CLI/App.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "client/command_line.h"
#include "client/consumer_line.h"
#include "client/options.h"

namespace cj::client {

// The words as CLI11 leaves them, before they are checked together.
struct Words {
  std::string since, until, format, kinds, types, output, settle, lines, delay;
  std::vector<std::string> paths;
  std::string relative_to;
  bool existing = false, deleted = false, no_checkpoint = false, no_wait = false;
  bool no_pager = false;
  ConsumerWords consumer;
};

void AddChanges(CLI::App* app, Words* words, ChangesOptions* options);
void AddFollow(CLI::App* app, Words* words, Options* options);

Status FinishChanges(const Words& words, const Surroundings& surroundings, ChangesOptions* options);
Status FinishFollow(const Words& words, const Surroundings& surroundings, Options* options);
Status FinishCrawl(const Words& words, const Surroundings& surroundings, Options* options);

// What they share.
Status SetInterval(const Words& words, const Surroundings& surroundings,
                   std::optional<Position>* since, std::optional<Position>* until);
Status SetKinds(const std::string& text, std::vector<std::string>* kinds);
Status SetTypes(const std::string& text, std::vector<std::string>* types);
Result<std::vector<std::string>> AbsolutePaths(const Words& words,
                                               const Surroundings& surroundings);

// With words.since and words.paths for its `--since` and `--watch`.
Status FinishConsumerAdd(const Words& words, const Surroundings& surroundings, Options* options);

}  // namespace cj::client
