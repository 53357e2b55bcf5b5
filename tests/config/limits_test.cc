// Every limit on a configuration, at it and one beyond.
#include <catch2/catch.hpp>
#include <string>

#include "service/config/config.h"

using namespace cj;

namespace {

ParsedConfig Parse(const std::string& text) { return ParseConfig({{"f", text}}); }

std::string Watches(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += "[Watch]\nPath=/w/" + std::to_string(i) + "\n";
  return text;
}

std::string Excludes(std::size_t count) {
  std::string text = "[Watch]\nPath=/w\n";
  for (std::size_t i = 0; i < count; ++i) text += "Exclude=e" + std::to_string(i) + "\n";
  return text;
}

}  // namespace

TEST_CASE("limit: the number of watches") {
  CHECK(Parse(Watches(kMaxWatches)).errors.empty());
  ParsedConfig parsed = Parse(Watches(kMaxWatches + 1));
  REQUIRE(parsed.errors.size() == 1);
  CHECK(parsed.errors[0].line == static_cast<int>(2 * kMaxWatches + 1));
  CHECK(parsed.errors[0].message.find("more than 1024 [Watch] sections") == 0);
  CHECK(parsed.config.watches.size() == kMaxWatches);
}

TEST_CASE("limit: the number of excludes of a watch") {
  CHECK(Parse(Excludes(kMaxExcludesPerWatch)).errors.empty());
  ParsedConfig parsed = Parse(Excludes(kMaxExcludesPerWatch + 1));
  REQUIRE(parsed.errors.size() == 1);
  CHECK(parsed.errors[0].message.find("at most 256") != std::string::npos);
  // A reset makes room again.
  CHECK(Parse(Excludes(kMaxExcludesPerWatch) + "Exclude=\nExclude=x\n").errors.empty());
}

TEST_CASE("limit: the size of a file") {
  std::string text(kMaxConfigFileBytes, '#');
  CHECK(Parse(text).errors.empty());
  ParsedConfig parsed = Parse(text + "#");
  REQUIRE(parsed.errors.size() == 1);
  CHECK(FormatDiagnostic(parsed.errors[0]) ==
        "f: the file is larger than 1 MiB; split it or make it smaller");
}

TEST_CASE("limit: the length of a path") {
  std::string longest = "/" + std::string(kMaxConfigPathBytes - 1, 'a');
  CHECK(Parse("[Watch]\nPath=" + longest + "\n").errors.empty());
  ParsedConfig parsed = Parse("[Watch]\nPath=" + longest + "a\n");
  REQUIRE(parsed.errors.size() == 1);
  CHECK(parsed.errors[0].message.size() < 400);
  CHECK(Parse("[Watch]\nPath=/a\nExclude=" + std::string(kMaxConfigPathBytes + 1, 'a'))
            .errors.size() == 1);
}

TEST_CASE("limit: the number of complaints") {
  auto lines = [](std::size_t count) {
    std::string text = "[Journal]\n";
    for (std::size_t i = 0; i < count; ++i) text += "nonsense\n";
    return text;
  };
  CHECK(Parse(lines(kMaxDiagnostics)).errors.size() == kMaxDiagnostics);
  CHECK(Parse(lines(kMaxDiagnostics)).errors.back().message.find("neither") != std::string::npos);
  ParsedConfig parsed = Parse(lines(kMaxDiagnostics + 5));
  REQUIRE(parsed.errors.size() == kMaxDiagnostics);
  CHECK(parsed.errors.back().message == "6 more errors from about here on, left out");
}
