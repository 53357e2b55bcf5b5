// The parameter reader: what it takes, and the name and reason of what it does not.
#include "protocol/parameters.h"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>

namespace cj {
namespace {

using nlohmann::json;

struct Everything {
  std::string string;
  std::optional<std::string> label;
  std::int64_t number = 0;
  std::optional<std::int64_t> lines;
  bool flag = false;
  bool wait = false;
  double ratio = 0;
  std::vector<std::string> names;
  std::optional<std::string> presence;
  std::vector<std::string> kinds;
  std::vector<std::string> paths;
  std::optional<std::string> root;
  std::string token;
};

std::string Read(const json& parameters, Everything* out = nullptr) {
  Everything ignored;
  Everything& all = out != nullptr ? *out : ignored;
  ParameterReader reader(parameters);
  all.label = reader.OptionalString("label");
  all.lines = reader.OptionalInt("lines");
  all.wait = reader.Bool("wait", true);
  all.names = reader.Strings("names");
  all.presence = reader.OptionalEnum("presence", {"all", "off"});
  all.kinds = reader.Enums("kinds", {"data", "entry"});
  all.paths = reader.Paths("paths");
  all.root = reader.OptionalPath("root");
  const auto position = [&](ParameterReader& inner) {
    all.token = inner.String("token");
    inner.OptionalInt("time_usec");
  };
  reader.OptionalObject("since", position);
  if (all.lines && *all.lines < 0) reader.Reject("lines", "must not be negative");
  const auto bad = reader.Finish();
  return bad ? bad->name + " " + bad->reason : "";
}

TEST_CASE("bad parameters are named") {
  const std::pair<const char*, const char*> rows[] = {
      {R"({"label":1})", "label must be a string"},
      {R"({"lines":"1"})", "lines must be an integer of 64 bits"},
      {R"({"lines":1.0})", "lines must be an integer of 64 bits"},
      {R"({"lines":9223372036854775808})", "lines must be an integer of 64 bits"},
      {R"({"lines":99999999999999999999})", "lines must be an integer of 64 bits"},
      {R"({"lines":-1})", "lines must not be negative"},
      {R"({"wait":0})", "wait must be true or false"},
      {R"({"names":"a"})", "names must be an array of strings"},
      {R"({"names":["a",null]})", "names must be an array of strings"},
      {R"({"names":{}})", "names must be an array of strings"},
      {R"({"presence":"some"})", "presence must be one of all, off"},
      {R"({"kinds":["data","x"]})", "kinds must be one of data, entry"},
      {R"({"paths":["/a\u0000"]})",
       "paths has an element that holds a NUL byte, which no path can"},
      {R"({"paths_base64":["*"]})", "paths_base64 has an element that is not valid base64"},
      {R"({"root":"/a","root_base64":"L2E="})", "root is given twice, as text and as base64"},
      {R"({"since":"cj1"})", "since must be an object"},
      {R"({"since":{}})", "since.token is missing"},
      {R"({"since":{"token":1}})", "since.token must be a string"},
      {R"({"since":{"token":"x","odd":1}})", "since.odd is not a parameter of this method"},
      {R"({"odd":null})", "odd is not a parameter of this method"},
      {R"({"":1})", " is not a parameter of this method"},
      {R"({"odd":1,"label":1})", "label must be a string"},
  };
  for (const auto& [text, complaint] : rows) {
    CAPTURE(text);
    CHECK(Read(json::parse(text)) == complaint);
  }
}

TEST_CASE("good parameters are read, null is absent") {
  Everything all;
  CHECK(Read(json::parse(R"({"label":null,"lines":-9223372036854775808,"wait":false,
      "names":["a",""],"presence":"off","kinds":["entry"],"paths":["/a"],"paths_base64":["L/8="],
      "root_base64":"L/8=","since":{"token":"t","time_usec":null}})"),
             &all) == "lines must not be negative");
  CHECK_FALSE(all.label);
  CHECK(all.lines == std::numeric_limits<std::int64_t>::min());
  CHECK_FALSE(all.wait);
  CHECK(all.names == std::vector<std::string>{"a", ""});
  CHECK(all.presence == "off");
  CHECK(all.kinds == std::vector<std::string>{"entry"});
  CHECK(all.paths == std::vector<std::string>{"/a", "/\xff"});
  CHECK(all.root == "/\xff");
  CHECK(all.token == "t");

  Everything none;
  CHECK(Read(json::object(), &none).empty());
  CHECK(none.wait);
  CHECK(none.paths.empty());
}

TEST_CASE("required parameters must be there") {
  const json parameters = json::parse(R"({"flag":true,"ratio":2,"path":"/a"})");
  ParameterReader good(parameters);
  CHECK(good.Bool("flag"));
  CHECK(good.Float("ratio") == 2.0);
  CHECK(good.Path("path") == "/a");
  CHECK_FALSE(good.Finish());

  const json nothing = json::object();
  const auto reject = [&](auto read) {
    ParameterReader reader(nothing);
    read(reader);
    const auto bad = reader.Finish();
    return bad ? bad->reason : "";
  };
  CHECK(reject([](ParameterReader& reader) { reader.Bool("x"); }) == "is missing");
  CHECK(reject([](ParameterReader& reader) { reader.Int("x"); }) == "is missing");
  CHECK(reject([](ParameterReader& reader) { reader.String("x"); }) == "is missing");
  CHECK(reject([](ParameterReader& reader) { reader.Float("x"); }) == "is missing");
  CHECK(reject([](ParameterReader& reader) { reader.Path("x"); }) == "is missing");
  CHECK(reject([](ParameterReader& reader) { reader.Object("x", [](ParameterReader&) {}); }) ==
        "is missing");
  CHECK(reject([](ParameterReader& reader) { reader.Any("x"); }).empty());
}

}  // namespace
}  // namespace cj
