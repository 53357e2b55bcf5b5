// Quoting, JSON text and paths.
#include "base/text.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "client/paths.h"
#include "client/quote.h"
#include "protocol/json_text.h"

using namespace cj;
using namespace cj::client;

TEST_CASE("names are quoted as a shell would take them") {
  struct Row {
    std::string name;
    const char* quoted;
  };
  const Row rows[] = {
      {"/srv/a-b_c.d,e+f:g@h%i", "/srv/a-b_c.d,e+f:g@h%i"},
      {"/srv/\xc3\xa4\xe6\xbc\xa2", "/srv/\xc3\xa4\xe6\xbc\xa2"},
      {"", "''"},
      {"a b", "'a b'"},
      {"a\"$`\\!*", "'a\"$`\\!*'"},
      {"it's", "'it'\\''s'"},
      {"a\nb", "$'a\\nb'"},
      {"\t\r\x1b[31m", "$'\\t\\r\\E[31m'"},
      {"it's\x07\\", "$'it\\'s\\007\\\\'"},
      {"a\xff"
       "1",
       "$'a\\3771'"},
      {"cut\xe6\xbc", "$'cut\\346\\274'"},
      {"\x7f", "$'\\177'"},
      {"\xc2\x9b"
       "1m",
       "$'\\302\\2331m'"},  // C1 control sequence introducer
      {"\xe2\x80\xae"
       "gpj",
       "$'\\342\\200\\256gpj'"},                 // right-to-left override
      {"\xe2\x81\xa6x", "$'\\342\\201\\246x'"},  // left-to-right isolate
  };
  for (const Row& row : rows) {
    INFO(row.quoted);
    CHECK(QuoteName(row.name) == row.quoted);
  }
}

TEST_CASE("JSON text is what another implementation reads back") {
  for (const std::string& text :
       {std::string("plain"), std::string("q\"b\\n\n\t\r\b\f/"), std::string("\x01\x1f\x7f"),
        std::string("nul\0inside", 10), std::string("\xc3\xa4\xf0\x9f\x90\x81")}) {
    CHECK(nlohmann::json::parse(JsonString(text)).get<std::string>() == text);
  }
}

TEST_CASE("JSON lines keep their order, and paths that are not UTF-8 travel as base64") {
  JsonLine line;
  CHECK(line.Take() == "{}");
  line.String("z", "1");
  line.Path("a", "/\xff");
  line.Path("b", "/\xc3\xa4");
  line.Int("n", -5);
  line.True("t");
  CHECK(line.Take() ==
        "{\"z\":\"1\",\"a_base64\":\"L/8=\",\"b\":\"/\xc3\xa4\",\"n\":-5,\"t\":true}");
}

TEST_CASE("paths are made absolute by their letters alone") {
  struct Row {
    const char* path;
    const char* absolute;
  };
  const Row rows[] = {{"a", "/w/d/a"},      {".", "/w/d"},        {"..", "/w"},
                      {"../..", "/"},       {"../../../x", "/x"}, {"/", "/"},
                      {"/a//b/./", "/a/b"}, {"/a/../b", "/b"},    {"./a/../b/", "/w/d/b"},
                      {"...", "/w/d/..."}};
  for (const Row& row : rows) {
    INFO(row.path);
    CHECK(AbsolutePath("/w/d", row.path) == row.absolute);
  }
  CHECK(AbsolutePath("/", "a") == "/a");
}

TEST_CASE("paths as seen from a directory") {
  CHECK(RelativePath("/srv", "/srv/a/b") == "a/b");
  CHECK(RelativePath("/srv", "/srv") == ".");
  CHECK_FALSE(RelativePath("/srv", "/srvx"));
  CHECK_FALSE(RelativePath("/srv/a", "/srv"));
  CHECK(RelativePath("/", "/srv") == "srv");
  CHECK(RelativePath("/", "/") == ".");
}
