// The command line of `git-fsmonitor`. Pure but for CLI11's objects. Errors are kInvalidArgument.
#pragma once

#include <CLI/App.hpp>

#include "base/result.h"
#include "client/options.h"

namespace cj::client {

void AddGitFsmonitor(CLI::App* app, GitFsmonitorOptions* options);
Status FinishGitFsmonitor(const GitFsmonitorOptions& options);

}  // namespace cj::client
