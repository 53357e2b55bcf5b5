#include "client/question_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <span>

#include "base/text.h"
#include "base/units.h"
#include "client/log_line.h"
#include "client/paths.h"

namespace cj::client {
namespace {

Error Usage(std::string message) { return {ErrorCode::kInvalidArgument, std::move(message)}; }

Result<Position> ParsePosition(const std::string& option, const std::string& text,
                               const Surroundings& surroundings) {
  constexpr std::string_view kTokenPrefix = "cj1-";
  Position position;
  if (text.substr(0, kTokenPrefix.size()) == kTokenPrefix) {
    position.token = text;
    return position;
  }
  auto time = ParseTime(text, surroundings.now_usec, surroundings.utc_offset);
  if (!time) return WithContext(time.error(), option);
  if (option == "--since" && *time > surroundings.now_usec) {
    return Usage(option + ": '" + text + "' is in the future");
  }
  position.time_usec = *time;
  return position;
}

// Words joined by commas, each one of `known`.
Status SetList(const std::string& option, const std::string& text,
               std::span<const std::string_view> known, std::vector<std::string>* list) {
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = std::min(text.find(',', at), text.size());
    std::string word = text.substr(at, end - at);
    if (std::find(known.begin(), known.end(), word) == known.end()) {
      std::string message = option + ": '" + word + "' is not known; use ";
      for (const std::string_view each : known) message.append(each).append(", ");
      return Usage(message + "joined by commas");
    }
    list->push_back(std::move(word));
    at = end + 1;
  }
  return {};
}

Status SetFormat(const Words& words, ChangesOptions* options) {
  if (words.format.empty() || words.format == "text") {
    options->format = ChangesFormat::kText;
  } else if (words.format == "json") {
    options->format = ChangesFormat::kJson;
  } else if (words.format == "paths") {
    options->format = ChangesFormat::kPaths;
  } else {
    return Usage("--format: '" + words.format + "' is not known; use text, json or paths");
  }
  if (!options->null) return {};
  if (!words.format.empty() && words.format != "paths") {
    return Usage("-0 writes paths only; leave out --format=" + words.format);
  }
  options->format = ChangesFormat::kPaths;
  return {};
}

// Options that cannot mean anything together.
Status CheckChanges(const Words& words, const ChangesOptions& options) {
  const int starts = static_cast<int>(!words.since.empty()) +
                     static_cast<int>(!options.token_file.empty()) +
                     static_cast<int>(!options.consumer.empty());
  if (starts == 0) {
    return Usage("changes needs --since=TOKEN|TIME, --token-file=FILE or --consumer=NAME");
  }
  if (starts > 1) {
    return Usage("--since, --token-file and --consumer all say where to start; give one of them");
  }
  if (!options.config_hash.empty() && options.consumer.empty()) {
    return Usage("--config-hash is of a consumer; give --consumer=NAME");
  }
  if (words.existing && words.deleted) {
    return Usage("--existing and --deleted exclude each other; without both, all paths are shown");
  }
  if (!options.label.empty() && (!options.checkpoint || options.until)) {
    return Usage("--label names the checkpoint that is made, and " +
                 std::string(options.until ? "--until" : "--no-checkpoint") + " makes none");
  }
  return {};
}

}  // namespace

Status SetKinds(const std::string& text, std::vector<std::string>* kinds) {
  constexpr std::array<std::string_view, 3> kKinds = {"entry", "data", "metadata"};
  return SetList("--kind", text, kKinds, kinds);
}

Status SetTypes(const std::string& text, std::vector<std::string>* types) {
  constexpr std::array<std::string_view, 7> kTypes = {"file",   "directory", "symlink", "fifo",
                                                      "socket", "char",      "block"};
  return SetList("--type", text, kTypes, types);
}

Status SetInterval(const Words& words, const Surroundings& surroundings,
                   std::optional<Position>* since, std::optional<Position>* until) {
  if (!words.since.empty()) {
    CJ_ASSIGN_OR_RETURN(*since, ParsePosition("--since", words.since, surroundings));
  }
  if (!words.until.empty()) {
    CJ_ASSIGN_OR_RETURN(*until, ParsePosition("--until", words.until, surroundings));
  }
  return {};
}

// An empty PATH is a variable that was not set: it must not come to mean the working directory.
Result<std::vector<std::string>> AbsolutePaths(const Words& words,
                                               const Surroundings& surroundings) {
  std::vector<std::string> paths;
  for (const std::string& path : words.paths) {
    if (path.empty()) return Usage("a PATH is empty");
    paths.push_back(AbsolutePath(surroundings.working_directory, path));
  }
  return paths;
}

// What is not below --relative-to is left out: asked for nothing, the daemon would not say that DIR
// is not watched at all, which may be a slip.
Status NarrowToRelative(ChangesOptions* options) {
  const std::string& below = *options->relative_to;
  if (options->paths.empty()) {
    // A consumer's own paths are the daemon's to know.
    if (options->consumer.empty()) options->paths = {below};
    return {};
  }
  auto meets = [&](const std::string& path) {
    return PathContains(below, path) || PathContains(path, below);
  };
  if (std::any_of(options->paths.begin(), options->paths.end(), meets)) return {};
  return Usage("--relative-to=" + below + ": no PATH that was given lies below or above it");
}

Status FinishChanges(const Words& words, const Surroundings& surroundings,
                     ChangesOptions* options) {
  options->checkpoint = !words.no_checkpoint;
  options->wait = !words.no_wait;
  CJ_RETURN_IF_ERROR(SetInterval(words, surroundings, &options->since, &options->until));
  CJ_RETURN_IF_ERROR(CheckChanges(words, *options));
  CJ_RETURN_IF_ERROR(SetFormat(words, options));
  CJ_RETURN_IF_ERROR(SetKinds(words.kinds, &options->kinds));
  CJ_ASSIGN_OR_RETURN(options->paths, AbsolutePaths(words, surroundings));
  if (!words.relative_to.empty()) {
    options->relative_to = AbsolutePath(surroundings.working_directory, words.relative_to);
    CJ_RETURN_IF_ERROR(NarrowToRelative(options));
  }
  if (words.existing) options->presence = "existing";
  if (words.deleted) options->presence = "deleted";
  return {};
}

Status FinishFollow(const Words& words, const Surroundings& surroundings, Options* options) {
  FollowOptions& follow = options->follow;
  std::optional<Position> no_end;
  CJ_RETURN_IF_ERROR(SetInterval(words, surroundings, &follow.since, &no_end));
  if (follow.since && !follow.consumer.empty()) {
    return Usage("--since and --consumer both say where to start; give one of them");
  }
  if (!follow.config_hash.empty() && follow.consumer.empty()) {
    return Usage("--config-hash is of a consumer; give --consumer=NAME");
  }
  CJ_RETURN_IF_ERROR(SetKinds(words.kinds, &follow.kinds));
  CJ_RETURN_IF_ERROR(SetTypes(words.types, &follow.types));
  if (!words.settle.empty()) {
    auto span = ParseTimeSpan(words.settle);
    if (!span) return WithContext(span.error(), "--settle");
    follow.settle_usec = *span;
  }
  if (options->json && !words.output.empty() && words.output != "json") {
    return Usage("--json is -o json; leave out -o " + words.output);
  }
  CJ_RETURN_IF_ERROR(SetOutput(options->json ? "json" : words.output, &follow.format));
  CJ_ASSIGN_OR_RETURN(follow.paths, AbsolutePaths(words, surroundings));
  return {};
}

Status FinishCrawl(const Words& words, const Surroundings& surroundings, Options* options) {
  CJ_ASSIGN_OR_RETURN(options->crawl_paths, AbsolutePaths(words, surroundings));
  return {};
}

Status FinishConsumerAdd(const Words& words, const Surroundings& surroundings, Options* options) {
  CJ_RETURN_IF_ERROR(FinishConsumer(words.consumer, options));
  std::optional<Position> no_end;
  CJ_RETURN_IF_ERROR(SetInterval(words, surroundings, &options->consumer.since, &no_end));
  CJ_ASSIGN_OR_RETURN(options->consumer.paths, AbsolutePaths(words, surroundings));
  return {};
}

void AddChanges(CLI::App* app, Words* words, ChangesOptions* options) {
  app->add_option("--since", words->since, "Start there: a token, or a time")
      ->type_name("TOKEN|TIME");
  app->add_option("--until", words->until, "End there instead of now")->type_name("TOKEN|TIME");
  app->add_option("--token-file", options->token_file,
                  "Read the token from FILE; replace it with the next one when all is written")
      ->type_name("FILE");
  app->add_option("--consumer", options->consumer,
                  "Start where this consumer has acknowledged; moves nothing, see 'ack'")
      ->type_name("NAME");
  app->add_option("--config-hash", options->config_hash,
                  "Of the consumer's configuration; with another one: rescan needed")
      ->type_name("HASH");
  app->add_option("PATH", words->paths, "Only these subtrees")->type_name("");
  app->add_option("--format", words->format, "text (default), json or paths")->type_name("FORMAT");
  app->add_flag("-0,--null", options->null, "Paths, each ended by a NUL byte");
  app->add_flag("--existing", words->existing, "Only paths that are there now");
  app->add_flag("--deleted", words->deleted, "Only paths that are gone");
  app->add_flag("--expand", options->expand, "Name every member of a recursive change");
  app->add_option("--relative-to", words->relative_to, "Paths as seen from DIR; leave out the rest")
      ->type_name("DIR");
  app->add_option("--kind", words->kinds, "Only these, joined by commas: entry, data, metadata")
      ->type_name("KINDS");
  app->add_flag("--transient", options->transient,
                "Text format: show also what came and went within the interval");
  app->add_flag("--no-checkpoint", words->no_checkpoint, "Answer up to now, make no checkpoint");
  app->add_option("--label", options->label, "Name for the checkpoint that is made")
      ->type_name("TEXT");
  app->add_flag("--no-wait", words->no_wait, "Fail rather than wait for a crawl");
  app->add_flag("-q,--quiet", options->quiet, "Do not print the next token on stderr");
}

void AddFollow(CLI::App* app, Words* words, Options* options) {
  FollowOptions& follow = options->follow;
  app->add_option("PATH", words->paths, "Only these subtrees")->type_name("");
  app->add_option("--since", words->since, "Start there instead of now: a token, or a time")
      ->type_name("TOKEN|TIME");
  app->add_option("--consumer", follow.consumer, "Start behind what it has acknowledged; see 'ack'")
      ->type_name("NAME");
  app->add_option("--config-hash", follow.config_hash,
                  "Of the consumer's configuration; with another one: rescan needed")
      ->type_name("HASH");
  app->add_option("--kind", words->kinds, "Only these, joined by commas: entry, data, metadata")
      ->type_name("KINDS");
  app->add_option("--type", words->types,
                  "Only of these: file, directory, symlink, fifo, socket, char, block")
      ->type_name("TYPES");
  app->add_option("--settle", words->settle,
                  "Let bursts end first: wait until nothing came for so long, as 20ms")
      ->type_name("SPAN");
  app->add_option("-o,--output", words->output, std::string(kOutputs))->type_name("FORMAT");
  app->add_flag("--json", options->json, "The same as -o json");
}

}  // namespace cj::client
