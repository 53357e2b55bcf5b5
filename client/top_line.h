// The command line of `top`. Pure but for CLI11's objects. Errors are kInvalidArgument.
#pragma once

#include <CLI/App.hpp>

#include "base/result.h"
#include "client/command_line.h"
#include "client/question_line.h"

namespace cj::client {

void AddTop(CLI::App* app, Words* words, TopOptions* options);
Status FinishTop(const Words& words, const Surroundings& surroundings, TopOptions* options);

}  // namespace cj::client
