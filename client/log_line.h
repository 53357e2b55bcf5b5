// The command line of `log`, and what it shares with `follow`. Pure but for CLI11's objects. Errors
// are kInvalidArgument.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "client/command_line.h"
#include "client/options.h"
#include "client/question_line.h"

namespace cj::client {

// For --help.
inline constexpr std::string_view kOutputs =
    "short (default), short-iso, short-iso-precise, short-unix, verbose, json, json-seq, cat";

Status SetOutput(const std::string& output, LogFormat* format);

// With "10" behind every -n (or --lines) of the log that has no number, as journalctl(1) reads it.
std::vector<std::string> WithLineCounts(const std::vector<std::string>& words);

void AddLog(CLI::App* app, Words* words, LogOptions* options);
Status FinishLog(const Words& words, const Surroundings& surroundings, LogOptions* options);

}  // namespace cj::client
