#include "client/log_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <charconv>

namespace cj::client {
namespace {

constexpr const char* kDefaultLines = "10";     // as journalctl and tail
constexpr std::int64_t kFollowLines = 10;       // likewise
constexpr std::int64_t kJumpToEndLines = 1000;  // a pager keeps all that comes before the end

Error Usage(std::string message) { return {ErrorCode::kInvalidArgument, std::move(message)}; }

struct OutputName {
  std::string_view name;
  LogFormat format;
};
constexpr std::array kOutputNames = {
    OutputName{"short", LogFormat::kShort},
    OutputName{"short-precise", LogFormat::kShort},  // ours has microseconds anyway
    OutputName{"short-iso", LogFormat::kShortIso},
    OutputName{"short-iso-precise", LogFormat::kShortIsoPrecise},
    OutputName{"short-unix", LogFormat::kShortUnix},
    OutputName{"verbose", LogFormat::kVerbose},
    OutputName{"json", LogFormat::kJson},
    OutputName{"json-seq", LogFormat::kJsonSeq},
    OutputName{"cat", LogFormat::kCat},
};

// "-n", "--lines", or the flags of `log` in one word with n as the last.
bool AsksForLines(const std::string& word) {
  if (word == "--lines") return true;
  constexpr std::string_view kFlags = "efqr";
  return word.size() >= 2 && word.front() == '-' && word.back() == 'n' &&
         word.find_first_not_of(kFlags, 1) == word.size() - 1;
}

// What could be meant as a number is one, well or badly written: a path is told by its slash or
// dot.
bool IsCount(const std::string& word) {
  if (word.empty()) return true;
  if (word.front() == '-') return word.size() > 1 && word[1] >= '0' && word[1] <= '9';
  return word.find('/') == std::string::npos && word.front() != '.';
}

Status SetLines(const std::string& text, std::optional<std::int64_t>* lines) {
  if (text.empty() || text == "all") return {};
  std::int64_t count = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc() || stop != end) {
    return Usage("-n: '" + text + "' is no number of lines; a PATH may be written ./" + text);
  }
  if (count < 0) return Usage("-n: the number of lines is negative");
  *lines = count;
  return {};
}

}  // namespace

Status SetOutput(const std::string& output, LogFormat* format) {
  if (output.empty()) return {};
  const auto* found = std::find_if(kOutputNames.begin(), kOutputNames.end(),
                                   [&](const OutputName& each) { return each.name == output; });
  if (found == kOutputNames.end()) {
    std::string known;
    for (const OutputName& each : kOutputNames) {
      known += (known.empty() ? "" : ", ") + std::string(each.name);
    }
    return Usage("-o: '" + output + "' is not known; use one of " + known);
  }
  *format = found->format;
  return {};
}

std::vector<std::string> WithLineCounts(const std::vector<std::string>& words) {
  std::vector<std::string> told;
  bool log = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    told.push_back(words[i]);
    log = log || words[i] == "log";
    if (words[i] == "--") {
      told.insert(told.end(), words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
      break;
    }
    const bool counted = i + 1 < words.size() && IsCount(words[i + 1]);
    if (log && AsksForLines(words[i]) && !counted) told.emplace_back(kDefaultLines);
  }
  return told;
}

void AddLog(CLI::App* app, Words* words, LogOptions* options) {
  app->add_option("PATH", words->paths, "Only these subtrees")->type_name("");
  app->add_option("-S,--since", words->since, "Start there: a token, or a time")
      ->type_name("TOKEN|TIME");
  app->add_option("-U,--until", words->until, "End there: a token, or a time")
      ->type_name("TOKEN|TIME");
  app->add_option("-n,--lines", words->lines, "Only the last N records (default 10), or 'all'")
      ->type_name("[N]");
  app->add_flag("-r,--reverse", options->reverse, "Newest first");
  app->add_flag("-f,--follow", options->follow, "Go on with records as they come");
  app->add_flag("-e,--pager-end", options->jump_to_end,
                "Show the end first; the last 1000 records unless -n says otherwise");
  app->add_option("--kind", words->kinds, "Only these, joined by commas: entry, data, metadata")
      ->type_name("KINDS");
  app->add_option("--type", words->types,
                  "Only of these: file, directory, symlink, fifo, socket, char, block")
      ->type_name("TYPES");
  app->add_option("-o,--output", words->output, std::string(kOutputs))->type_name("FORMAT");
  app->add_flag("--utc", options->utc, "Times in UTC");
  app->add_flag("-q,--quiet", options->quiet, "Do not say that there are no records");
  app->add_flag("--no-pager", words->no_pager, "Write to the terminal itself");
}

Status FinishLog(const Words& words, const Surroundings& surroundings, LogOptions* options) {
  CJ_RETURN_IF_ERROR(SetInterval(words, surroundings, &options->since, &options->until));
  if (options->follow && options->reverse) {
    return Usage("-f shows what comes and -r the newest first; give one of them");
  }
  if (options->follow && options->until) return Usage("-f has no end; leave out --until");
  CJ_RETURN_IF_ERROR(SetOutput(words.output, &options->format));
  CJ_RETURN_IF_ERROR(SetLines(words.lines, &options->lines));
  if (words.lines.empty() && options->jump_to_end) {
    options->lines = kJumpToEndLines;
  } else if (words.lines.empty() && options->follow && !options->since) {
    options->lines = kFollowLines;
  }
  options->pager = !words.no_pager && !options->follow;
  CJ_RETURN_IF_ERROR(SetKinds(words.kinds, &options->kinds));
  CJ_RETURN_IF_ERROR(SetTypes(words.types, &options->types));
  CJ_ASSIGN_OR_RETURN(options->paths, AbsolutePaths(words, surroundings));
  return {};
}

}  // namespace cj::client
