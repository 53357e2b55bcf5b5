#include "client/top_line.h"

#include <CLI/CLI.hpp>

#include "base/units.h"

namespace cj::client {
namespace {

// Every picture is a question that the daemon answers.
constexpr std::int64_t kLeastDelayUsec = 100'000;
constexpr std::int64_t kMostDelayUsec = 86'400'000'000;

}  // namespace

void AddTop(CLI::App* app, Words* words, TopOptions* options) {
  app->add_option("PATH", words->paths, "Only what happens below these")->type_name("");
  app->add_option("-d,--delay", words->delay, "Time between two pictures (default 2s)")
      ->type_name("SPAN");
  app->add_option("-n,--iterations", options->iterations, "End after so many pictures")
      ->type_name("N");
  app->add_flag("-b,--batch", options->batch, "One below the other, also where it is no terminal");
}

Status FinishTop(const Words& words, const Surroundings& surroundings, TopOptions* options) {
  if (!words.delay.empty()) {
    auto span = ParseTimeSpan(words.delay);
    if (!span) return WithContext(span.error(), "--delay");
    options->delay_usec = *span;
  }
  if (options->delay_usec < kLeastDelayUsec || options->delay_usec > kMostDelayUsec) {
    return Error{ErrorCode::kInvalidArgument, "--delay: must lie between 100ms and a day"};
  }
  if (options->iterations && *options->iterations < 1) {
    return Error{ErrorCode::kInvalidArgument, "--iterations: must be at least 1"};
  }
  CJ_ASSIGN_OR_RETURN(options->paths, AbsolutePaths(words, surroundings));
  return {};
}

}  // namespace cj::client
