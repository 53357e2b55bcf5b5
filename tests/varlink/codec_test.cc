// The codec, by tables: what is a call, what is a reply, and what is neither.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "protocol/errors.h"
#include "protocol/message.h"
#include "protocol/path_json.h"

namespace cj {
namespace {

using nlohmann::json;

std::string Nested(int depth, char open, char close) {
  return std::string(static_cast<std::size_t>(depth), open) +
         std::string(static_cast<std::size_t>(depth), close);
}

TEST_CASE("calls that are refused") {
  struct Row {
    const char* text;
    const char* message;  // a part of it
  };
  const Row rows[] = {
      {"", "not JSON"},
      {"{", "not JSON"},
      {"null", "not an object"},
      {"[]", "not an object"},
      {"\"a.b.C\"", "not an object"},
      {"42", "not an object"},
      {"{}", "no 'method'"},
      {R"({"method":null})", "'method' is not a string"},
      {R"({"method":1})", "'method' is not a string"},
      {R"({"method":["a.b.C"]})", "'method' is not a string"},
      {R"({"method":""})", "'method' is empty"},
      {R"({"method":"a.b.C"}x)", "not JSON"},
      {R"({"method":"a.b.C"}{"method":"a.b.C"})", "not JSON"},
      {R"({"method":"a.b.C",})", "not JSON"},
      {R"({'method':'a.b.C'})", "not JSON"},
      {R"({"method":"a.b.C","parameters":[]})", "'parameters' is not an object"},
      {R"({"method":"a.b.C","parameters":"x"})", "'parameters' is not an object"},
      {R"({"method":"a.b.C","more":1})", "'more' is not a boolean"},
      {R"({"method":"a.b.C","more":"true"})", "'more' is not a boolean"},
      {R"({"method":"a.b.C","oneway":null})", "'oneway' is not a boolean"},
      {R"({"method":"a.b.C","upgrade":{}})", "'upgrade' is not a boolean"},
      {R"({"method":"a.b.C","more":true,"oneway":true})", "more than one of"},
      {R"({"method":"a.b.C","more":true,"upgrade":true})", "more than one of"},
      {R"({"method":"a.b.C","oneway":true,"upgrade":true})", "more than one of"},
      {R"({"method":"a.b.C","flags":1})", "unknown member 'flags'"},
      {R"({"method":"a.b.C","error":"x"})", "unknown member 'error'"},
      {"{\"method\":\"a.b.C\xff\"}", "not JSON in UTF-8"},
      {"{\"method\":\"a.b.\xc0\xaf\"}", "not JSON in UTF-8"},
      {R"({"method":"\ud800"})", "not JSON"},
      {R"({"method":"a.b.C","parameters":{"x":NaN}})", "not JSON"},
      {"\xef\xbb\xbf[]", "not an object"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto call = ParseCall(row.text);
    REQUIRE_FALSE(call.has_value());
    CHECK(call.error().code == ErrorCode::kCorruption);
    CHECK_THAT(call.error().message, Catch::Contains(row.message));
  }
}

TEST_CASE("calls that are taken") {
  struct Row {
    const char* text;
    bool oneway, more, upgrade;
    const char* parameters;
  };
  const Row rows[] = {
      {R"({"method":"a.b.C"})", false, false, false, "{}"},
      {R"({"method":"a.b.C","parameters":null})", false, false, false, "{}"},
      {R"({"method":"a.b.C","parameters":{}})", false, false, false, "{}"},
      {R"({"method":"a.b.C","parameters":{"x":[1,null]}})", false, false, false,
       R"({"x":[1,null]})"},
      {R"({"method":"a.b.C","oneway":true})", true, false, false, "{}"},
      {R"({"method":"a.b.C","more":true,"oneway":false})", false, true, false, "{}"},
      {R"({"upgrade":true,"method":"a.b.C"})", false, false, true, "{}"},
      {" \n{ \"method\" : \"a.b.C\" }\t", false, false, false, "{}"},
      {R"({"method":"a.b.C","org.example":{"x":1}})", false, false, false, "{}"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto call = ParseCall(row.text);
    REQUIRE(call.has_value());
    CHECK(call->method == "a.b.C");
    CHECK(call->oneway == row.oneway);
    CHECK(call->more == row.more);
    CHECK(call->upgrade == row.upgrade);
    CHECK(*call->parameters == json::parse(row.parameters));
  }
}

TEST_CASE("replies that are refused and taken") {
  for (const char* text :
       {"", "[]", R"({"continues":1})", R"({"error":1})", R"({"error":""})", R"({"parameters":[]})",
        R"({"error":"a.B","continues":true})", R"({"method":"a.b.C"})"}) {
    CAPTURE(text);
    CHECK_FALSE(ParseReply(text).has_value());
  }
  const auto empty = ParseReply("{}");
  REQUIRE(empty.has_value());
  CHECK(empty->error.empty());
  CHECK_FALSE(empty->continues);
  const auto error = ParseReply(R"({"error":"a.b.C","parameters":{"x":1},"continues":false})");
  REQUIRE(error.has_value());
  CHECK(error->error == "a.b.C");
  CHECK(*error->parameters == json{{"x", 1}});
  const auto more = ParseReply(R"({"parameters":null,"continues":true})");
  REQUIRE(more.has_value());
  CHECK(more->continues);
}

TEST_CASE("depth is bounded before anything is built") {
  const std::string frame = R"({"method":"a.b.C","parameters":{"x":)";
  struct Row {
    int depth;  // of the parameter x; the message and its parameters are two more
    bool fits;
  };
  for (const Row& row : {Row{62, true}, Row{63, false}, Row{200'000, false}}) {
    CAPTURE(row.depth);
    const auto call = ParseCall(frame + Nested(row.depth, '[', ']') + "}}");
    CHECK(call.has_value() == row.fits);
    if (!call.has_value()) CHECK(call.error().code == ErrorCode::kLimit);
  }
  CHECK_FALSE(ParseCall(std::string(400'000, '[')).has_value());
  CHECK_FALSE(ParseCall(std::string(400'000, '{')).has_value());
  // Brackets in strings are none, whatever the strings hold.
  const std::string text = R"(\"[[[\\)";
  CHECK(ParseCall(frame + "\"" + text + std::string(100, '[') + "\"}}").has_value());
}

TEST_CASE("the number of values is bounded") {
  const auto list = [](std::size_t count) {
    std::string text = R"({"method":"a.b.C","parameters":{"x":[[])";
    for (std::size_t i = 1; i < count; ++i) text += ",[]";
    return text + "]}}";
  };
  CHECK(ParseCall(list(kMaxCallValues / 2 - 4)).has_value());
  const auto call = ParseCall(list(kMaxCallValues));
  REQUIRE_FALSE(call.has_value());
  CHECK(call.error().code == ErrorCode::kLimit);
}

TEST_CASE("the number of values in a reply is bounded, and larger") {
  const auto list = [](std::size_t count) {
    std::string text = R"({"parameters":{"x":[0)";
    for (std::size_t i = 1; i < count; ++i) text += ",0";
    return text + "]}}";
  };
  CHECK(ParseReply(list(kMaxCallValues)).has_value());
  CHECK(ParseReply(list(kMaxReplyValues - 16)).has_value());
  const auto reply = ParseReply(list(kMaxReplyValues));
  REQUIRE_FALSE(reply.has_value());
  CHECK(reply.error().code == ErrorCode::kLimit);
}

TEST_CASE("what is serialized is parsed back, and empty parameters are left out") {
  CallMessage call{"a.b.C", json{{"x", "\"\\\n"}}};
  call.more = true;
  const std::string text = SerializeCall(call);
  REQUIRE(text.back() == '\0');
  const auto parsed = ParseCall(std::string_view(text).substr(0, text.size() - 1));
  REQUIRE(parsed.has_value());
  CHECK(parsed->method == call.method);
  CHECK(*parsed->parameters == *call.parameters);
  CHECK(parsed->more);

  using namespace std::string_literals;
  CHECK(SerializeCall({"a.b.C", {}}) == "{\"method\":\"a.b.C\"}\0"s);
  CHECK(SerializeReply(json::object(), false) == "{}\0"s);
  CHECK(SerializeReply(json::object(), true) == "{\"continues\":true}\0"s);
  CHECK(SerializeReply(json{{"x", 1}}, false) == "{\"parameters\":{\"x\":1}}\0"s);
  CHECK(SerializeReply(json{{"x", 1}}, true) == "{\"continues\":true,\"parameters\":{\"x\":1}}\0"s);
  CHECK(SerializeError("a.b.C", json::object()) == "{\"error\":\"a.b.C\"}\0"s);
}

TEST_CASE("dumping never throws and always makes UTF-8") {
  for (const char* bytes : {"\xff", "a\xc3", "\xed\xa0\x80", "\xf8\x88\x80\x80\x80"}) {
    const std::string text = DumpJson(json{{"x", bytes}});
    CHECK_FALSE(json::parse(text, nullptr, false).is_discarded());
    CHECK_THAT(text, Catch::Contains("\xef\xbf\xbd"));
  }
}

TEST_CASE("paths survive whatever their bytes are") {
  for (const char* path :
       {"/srv/a", "/srv/\n\"\\", "/srv/\xc3\xa4", "/srv/\xff\xfe", "/\xed\xa0\x80"}) {
    json object = json::object();
    PutPath(object, "path", path);
    CHECK(object.size() == 1);
    const auto sent = ParseJson(DumpJson(object), 8, 100);
    REQUIRE(sent.has_value());
    const auto back = GetPath(**sent, "path");
    REQUIRE(back.has_value());
    CHECK(back->value_or("") == path);
  }
  for (const char* text :
       {R"({"path":1})", R"({"path":"/a","path_base64":"L2E="})", R"({"path_base64":"!"})",
        R"({"path":"/a\u0000b"})", R"({"path_base64":"AA=="})"}) {
    CAPTURE(text);
    CHECK_FALSE(GetPath(json::parse(text), "path").has_value());
  }
  CHECK(GetPath(json::parse(R"({"path":null})"), "path")->has_value() == false);
}

TEST_CASE("errors keep their code across the wire") {
  const std::pair<ErrorCode, ErrorCode> rows[] = {
      {ErrorCode::kInvalidArgument, ErrorCode::kInvalidArgument},
      {ErrorCode::kNotFound, ErrorCode::kInvalidArgument},
      {ErrorCode::kPermissionDenied, ErrorCode::kPermissionDenied},
      {ErrorCode::kRescanNeeded, ErrorCode::kRescanNeeded},
      {ErrorCode::kBusy, ErrorCode::kBusy},
      {ErrorCode::kLimit, ErrorCode::kBusy},
      {ErrorCode::kUnsupported, ErrorCode::kIo},
      {ErrorCode::kCorruption, ErrorCode::kIo},
      {ErrorCode::kIo, ErrorCode::kIo},
      {ErrorCode::kCancelled, ErrorCode::kIo},
  };
  for (const auto& [sent, received] : rows) {
    const CallError wire = ToCallError(Error{sent, "the reason"}, "paths", "cj1-00000000-2");
    const Error error = FromCallError(wire);
    CAPTURE(wire.name);
    CHECK(error.code == received);
    CHECK_THAT(error.message, Catch::Contains("the reason"));
    CHECK(wire.parameters->contains("next") == (sent == ErrorCode::kRescanNeeded));
  }
  const Error unknown = FromCallError({"org.example.Odd", json{{"reason", 7}}});
  CHECK(unknown.code == ErrorCode::kIo);
  CHECK_THAT(unknown.message, Catch::Contains("org.example.Odd"));
}

}  // namespace
}  // namespace cj
