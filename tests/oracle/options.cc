#include "tests/oracle/options.h"

#include <charconv>
#include <cstdlib>
#include <functional>
#include <map>
#include <random>
#include <string_view>

namespace cj::oracle {
namespace {

using Setter = std::function<bool(Options&, const std::string&)>;

template <typename Integer>
Setter Number(Integer Options::*field) {
  return [field](Options& options, const std::string& text) {
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data(), end, options.*field);
    return parsed.ec == std::errc() && parsed.ptr == end;
  };
}

Setter Text(std::string Options::*field, std::vector<std::string> allowed = {}) {
  return [field, allowed](Options& options, const std::string& text) {
    options.*field = text;
    if (allowed.empty()) return !text.empty();
    for (const std::string& word : allowed) {
      if (word == text) return true;
    }
    return false;
  };
}

Setter Flag(bool Options::*field, bool value) {
  return [field, value](Options& options, const std::string& text) {
    options.*field = value;
    return text.empty();
  };
}

Setter List(std::vector<std::string> Options::*field) {
  return [field](Options& options, const std::string& text) {
    std::size_t start = 0;
    while (start <= text.size()) {
      const std::size_t comma = std::min(text.find(',', start), text.size());
      (options.*field).push_back(text.substr(start, comma - start));
      start = comma + 1;
    }
    return true;
  };
}

const std::map<std::string, Setter, std::less<>>& Setters() {
  static const std::map<std::string, Setter, std::less<>> setters = {
      {"fs", Text(&Options::filesystem)},
      {"ops", Number(&Options::operations)},
      {"checkpoints", Number(&Options::checkpoints)},
      {"writers", Number(&Options::writers)},
      {"comparisons", Number(&Options::comparisons)},
      {"seed", Number(&Options::seed)},
      {"daemon", Text(&Options::daemon)},
      {"changectl", Text(&Options::changectl)},
      {"workload", Text(&Options::workload, {"random", "stress-ng"})},
      {"watch", Text(&Options::watch, {"any", "mount", "subdirectory"})},
      {"state", Text(&Options::state, {"any", "inside", "outside"})},
      {"strict", Text(&Options::strict, {"off", "open", "open-sync", "access"})},
      {"format", Text(&Options::format, {"any", "json", "null"})},
      {"only", List(&Options::only)},
      {"without", List(&Options::without)},
      {"replica-only", Flag(&Options::replica_only, true)},
      {"drop-one", Flag(&Options::drop_one, true)},
      {"no-rsync", Flag(&Options::rsync, false)},
      {"cuts", Number(&Options::cuts)},
      {"cut", Text(&Options::cut, {"any", "watched", "state", "both", "unmount"})},
      {"log-directory", Text(&Options::log_directory)},
  };
  return setters;
}

std::uint64_t ChooseSeed() {
  if (const char* text = std::getenv("CJ_SEED")) return std::strtoull(text, nullptr, 10);
  return std::random_device{}();
}

}  // namespace

const char* Usage() {
  return "usage: oracle --fs=ext4|xfs|btrfs|tmpfs|DIR --daemon=PATH --changectl=PATH\n"
         "  [--ops=N] [--checkpoints=N] [--writers=N] [--comparisons=N] [--seed=N]\n"
         "  [--workload=random|stress-ng] [--watch=mount|subdirectory] [--state=inside|outside]\n"
         "  [--strict=off|open|open-sync|access]\n"
         "  [--format=json|null] [--only=OPERATION,...] [--without=OPERATION,...] [--no-rsync]\n"
         "  [--replica-only] [--drop-one] [--log-directory=DIR]\n"
         "  [--cuts=N] [--cut=watched|state|both|unmount]\n";
}

Result<Options> ParseOptions(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.rfind("--", 0) != 0) {
      return Error{ErrorCode::kInvalidArgument, "not an option: " + word};
    }
    const std::size_t equals = std::min(word.find('='), word.size());
    const auto setter = Setters().find(word.substr(2, equals - 2));
    if (setter == Setters().end()) {
      return Error{ErrorCode::kInvalidArgument, "unknown option: " + word};
    }
    if (!setter->second(options, equals < word.size() ? word.substr(equals + 1) : "")) {
      return Error{ErrorCode::kInvalidArgument, "bad value: " + word};
    }
  }
  if (options.writers == 0 || options.checkpoints == 0 || options.comparisons == 0) {
    return Error{ErrorCode::kInvalidArgument, "writers, checkpoints, comparisons: at least 1"};
  }
  if (options.seed == 0) options.seed = ChooseSeed();
  return options;
}

}  // namespace cj::oracle
