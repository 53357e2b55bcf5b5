// The command line of `explain`. Pure but for CLI11's objects. Errors are kInvalidArgument.
#pragma once

#include <CLI/App.hpp>

#include "base/result.h"
#include "client/command_line.h"
#include "client/options.h"
#include "client/question_line.h"

namespace cj::client {

void AddExplain(CLI::App* app, Words* words, Options* options);
Status FinishExplain(const Words& words, const Surroundings& surroundings, ExplainOptions* options);

}  // namespace cj::client
