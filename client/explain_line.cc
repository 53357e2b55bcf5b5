#include "client/explain_line.h"

#include <CLI/CLI.hpp>

namespace cj::client {

void AddExplain(CLI::App* app, Words* words, Options* options) {
  ExplainOptions& explain = options->explain;
  app->add_option("PATH", words->paths, "What is to be explained")
      ->type_name("")
      ->expected(1)
      ->required();
  app->add_option("--since", words->since,
                  "Of an answer since then: a token, or a time; else since the oldest checkpoint")
      ->type_name("TOKEN|TIME");
  app->add_option("--until", words->until, "Up to then instead of now")->type_name("TOKEN|TIME");
  app->add_option("--token-file", explain.token_file,
                  "Since the token in FILE, which stays as it is")
      ->type_name("FILE");
  app->add_option("--consumer", explain.consumer, "Since what this consumer has acknowledged")
      ->type_name("NAME");
}

Status FinishExplain(const Words& words, const Surroundings& surroundings,
                     ExplainOptions* options) {
  CJ_RETURN_IF_ERROR(SetInterval(words, surroundings, &options->since, &options->until));
  const int starts = static_cast<int>(options->since.has_value()) +
                     static_cast<int>(!options->token_file.empty()) +
                     static_cast<int>(!options->consumer.empty());
  if (starts > 1) {
    return Error{ErrorCode::kInvalidArgument,
                 "--since, --token-file and --consumer all say where to start; give one of them"};
  }
  CJ_ASSIGN_OR_RETURN(const auto paths, AbsolutePaths(words, surroundings));
  options->path = paths.front();
  return {};
}

}  // namespace cj::client
