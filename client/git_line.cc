#include "client/git_line.h"

#include <CLI/CLI.hpp>

namespace cj::client {

void AddGitFsmonitor(CLI::App* app, GitFsmonitorOptions* options) {
  app->add_option("VERSION", options->version, "Of git's question: 2")->required()->type_name("");
  app->add_option("TOKEN", options->token, "What the last answer began with")->type_name("");
}

// git asks in version 1 after the hook has failed in version 2, or where it is told to.
Status FinishGitFsmonitor(const GitFsmonitorOptions& options) {
  if (options.version == "2") return {};
  return Error{ErrorCode::kInvalidArgument, "git asks in version " + options.version +
                                                " of its protocol; this hook speaks version 2: "
                                                "git config core.fsmonitorHookVersion 2"};
}

}  // namespace cj::client
