// The verb git-fsmonitor. It has no Session: a daemon that is not there is no failure.
#pragma once

#include <string>

#include "client/exit_status.h"
#include "client/options.h"

namespace cj::client {

Outcome RunGitFsmonitor(const std::string& socket, const GitFsmonitorOptions& options);

}  // namespace cj::client
