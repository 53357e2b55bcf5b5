#include "tests/oracle/answer.h"

#include <catch2/catch.hpp>

namespace cj::oracle {
namespace {

constexpr char kSummary[] =
    R"({"summary":{"since":"cj1-00000001-1","next":"cj1-00000001-2","changes":1,"complete":true}})"
    "\n";

std::string WithSummary(const std::string& line) { return line + "\n" + kSummary; }

TEST_CASE("JSON answers are read as the manual describes them") {
  const auto answer = ParseJsonAnswer(
      WithSummary(R"({"change":"modified","path":"/w/a","type":"file","data":true})"));
  REQUIRE(answer.has_value());
  REQUIRE(answer->paths.size() == 1);
  CHECK(answer->paths[0].path == "/w/a");
  CHECK_FALSE(answer->paths[0].recursive);
  CHECK(answer->next == "cj1-00000001-2");
}

TEST_CASE("a rename names both of its ends, recursively for a directory") {
  const auto answer = ParseJsonAnswer(WithSummary(
      R"({"change":"renamed","path":"/w/b","from_base64":"L3cv/w==","recursive":true})"));
  REQUIRE(answer.has_value());
  REQUIRE(answer->paths.size() == 2);
  CHECK(answer->paths[0].path == "/w/\xff");
  CHECK(answer->paths[0].recursive);
  CHECK(answer->paths[1].path == "/w/b");
  CHECK(answer->paths[1].recursive);
}

TEST_CASE("rescan stands for everything below") {
  const auto answer = ParseJsonAnswer(WithSummary(R"({"change":"rescan","path":"/w"})"));
  REQUIRE(answer.has_value());
  CHECK(answer->paths.at(0).recursive);
}

TEST_CASE("an answer that breaks a promise of the manual is refused") {
  const std::string line = R"({"change":"deleted","path":"/w/a"})";
  const std::string bad[] = {
      "",
      line + "\n",
      line + "\n" + line + "\n" + kSummary,
      WithSummary(R"({"change":"deleted"})"),
      WithSummary(R"({"change":"deleted","path":"relative"})"),
      WithSummary(R"({"change":"moved","path":"/w/a"})"),
      WithSummary(R"({"change":"renamed","path":"/w/a"})"),
      WithSummary("not json"),
      line + "\n" + R"({"summary":{"next":"cj1-00000001-2","changes":1,"complete":false}})" + "\n",
      line + "\n" + std::string(kSummary).substr(0, 40),
      std::string(kSummary) + line + "\n",
  };
  for (const std::string& text : bad) {
    CAPTURE(text);
    CHECK_FALSE(ParseJsonAnswer(text).has_value());
  }
}

TEST_CASE("NUL-terminated answers keep every byte of a name") {
  using std::string_literals::operator""s;
  const auto answer = ParseNullAnswer("/w/new\nline\0/w/\xff\0"s, "next: cj1-00000001-9\n");
  REQUIRE(answer.has_value());
  REQUIRE(answer->paths.size() == 2);
  CHECK(answer->paths[0].path == "/w/new\nline");
  CHECK(answer->paths[1].path == "/w/\xff");
  CHECK(answer->next == "cj1-00000001-9");
  CHECK_FALSE(ParseNullAnswer("/w/a"s, "next: cj1-00000001-9\n").has_value());
  CHECK_FALSE(ParseNullAnswer("/w/a\0"s, "").has_value());
}

}  // namespace
}  // namespace cj::oracle
