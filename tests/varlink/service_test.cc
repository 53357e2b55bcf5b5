// What well-behaved clients get: the service interface, its errors, order, streams, descriptors.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "protocol/client_connection.h"
#include "test_server.h"

namespace cj {
namespace {

using nlohmann::json;
using test::Eventually;
using test::RawClient;
using test::TestServer;

ClientConnection Connect(const TestServer& server) {
  auto connection = ClientConnection::Connect(server.path());
  REQUIRE(connection.has_value());
  connection->set_timeout(test::kPatience);
  return *std::move(connection);
}

TEST_CASE("the service describes itself") {
  TestServer server;
  auto client = Connect(server);
  auto info = client.Call("org.varlink.service.GetInfo", json::object());
  REQUIRE(info.has_value());
  CHECK(*info->parameters == json::parse(R"({"vendor":"the vendor","product":"the product",
      "version":"1.2","url":"https://example.org/",
      "interfaces":["org.example.test","org.varlink.service"]})"));
  for (const char* name : {"org.example.test", "org.varlink.service"}) {
    auto idl = client.Call("org.varlink.service.GetInterfaceDescription", {{"interface", name}});
    REQUIRE(idl.has_value());
    REQUIRE(idl->ok());
    CHECK_THAT(idl->parameters->at("description").get<std::string>(),
               Catch::Contains(std::string("interface ") + name));
  }
}

TEST_CASE("the standard errors") {
  TestServer server;
  RawClient client(server.path());
  struct Row {
    const char* method;
    const char* rest;  // of the call
    const char* error;
    const char* parameters;  // of the error
  };
  const Row rows[] = {
      {"org.example.none.Do", "", "InterfaceNotFound", R"({"interface":"org.example.none"})"},
      {"Do", "", "InterfaceNotFound", R"({"interface":"Do"})"},
      {".", "", "InterfaceNotFound", R"({"interface":""})"},
      {"org.example.test.None", "", "MethodNotFound", R"({"method":"org.example.test.None"})"},
      {"org.example.test.", "", "MethodNotFound", R"({"method":"org.example.test."})"},
      {"org.example.test.Unwritten", "", "MethodNotImplemented",
       R"({"method":"org.example.test.Unwritten"})"},
      {"org.example.test.Echo", R"(,"upgrade":true)", "MethodNotImplemented",
       R"({"method":"org.example.test.Echo"})"},
      {"org.example.test.Count", R"(,"parameters":{"to":1})", "ExpectedMore", ""},
      {"org.example.test.Echo", R"(,"parameters":{"text":"a","path":1})", "InvalidParameter",
       R"({"parameter":"path","reason":"must be a string"})"},
      {"org.varlink.service.GetInfo", R"(,"parameters":{"x":1})", "InvalidParameter",
       R"({"parameter":"x","reason":"is not a parameter of this method"})"},
      {"org.varlink.service.GetInterfaceDescription", "", "InvalidParameter",
       R"({"parameter":"interface","reason":"is missing"})"},
      {"org.varlink.service.GetInterfaceDescription", R"(,"parameters":{"interface":"x.y"})",
       "InterfaceNotFound", R"({"interface":"x.y"})"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.method, row.rest);
    REQUIRE(client.SendMessage(R"({"method":")" + std::string(row.method) + "\"" + row.rest + "}"));
    std::string reply = R"({"error":"org.varlink.service.)" + std::string(row.error) + "\"";
    if (*row.parameters != '\0') reply += R"(,"parameters":)" + std::string(row.parameters);
    CHECK(client.Read() == std::optional<std::string>(reply + "}"));
  }
  CHECK(client.Alive());
}

TEST_CASE("a method without `more` in mind answers a `more` call once") {
  TestServer server;
  auto client = Connect(server);
  REQUIRE(client.CallMore("org.example.test.Echo", {{"text", "a"}}).has_value());
  auto reply = client.Next();
  REQUIRE(reply.has_value());
  REQUIRE(reply->has_value());
  CHECK_FALSE((*reply)->continues);
  CHECK_FALSE(client.Next()->has_value());
}

TEST_CASE("pipelined calls are answered in their order, oneway calls not at all") {
  TestServer server;
  RawClient client(server.path());
  constexpr int kCalls = 5000;
  std::string calls;
  for (int i = 0; i < kCalls; ++i) {
    const std::string text = std::to_string(i);
    switch (i % 5) {
      case 0:
        calls += R"({"method":"org.example.test.Note","oneway":true})";
        break;
      case 1:  // an error that nobody is told
        calls += R"({"method":"org.example.none.Do","oneway":true})";
        break;
      case 2:
        calls += R"({"method":"org.example.test.None)" + text + R"("})";
        break;
      default:
        calls += R"({"method":"org.example.test.Echo","parameters":{"text":"<)" + text + R"(>"}})";
    }
    calls += '\0';
  }
  std::thread sender([&] { client.Send(calls); });
  for (int i = 0; i < kCalls; ++i) {
    if (i % 5 < 2) continue;
    const auto reply = client.Read();
    REQUIRE(reply.has_value());
    const std::string expected =
        i % 5 == 2 ? "None" + std::to_string(i) + "\"" : "<" + std::to_string(i) + ">";
    REQUIRE_THAT(*reply, Catch::Contains(expected));
  }
  sender.join();
  CHECK(client.Alive());
  CHECK(server.noted == kCalls / 5);
  CHECK(server.calls() == kCalls + 1);
}

TEST_CASE("a stream comes whole and in order, and the connection is free afterwards") {
  TestServer server;
  auto client = Connect(server);
  REQUIRE(client.CallMore("org.example.test.Count", {{"to", 300}, {"size", 10'000}}).has_value());
  std::int64_t expected = 1;
  while (true) {
    auto reply = client.Next();
    REQUIRE(reply.has_value());
    if (!*reply) break;
    CHECK((*reply)->parameters->at("number") == expected++);
    CHECK((*reply)->continues == (expected <= 300));
  }
  CHECK(expected == 301);
  CHECK(client.Call("org.example.test.Echo", {{"text", "b"}})->ok());
}

TEST_CASE("descriptors come with the message they were sent with, close-on-exec") {
  TestServer server;
  auto client = Connect(server);
  for (int round = 0; round < 20; ++round) {
    REQUIRE(client.CallMore("org.example.test.Pipe", {{"text", "hello"}}).has_value());
    auto first = client.Next();
    REQUIRE(first.has_value());
    CHECK((*first)->fds.empty());
    auto second = client.Next();
    REQUIRE(second.has_value());
    REQUIRE((*second)->fds.size() == 1);
    const int pipe = (*second)->fds[0].get();
    CHECK((::fcntl(pipe, F_GETFD) & FD_CLOEXEC) != 0);
    char text[16];
    CHECK(::read(pipe, text, sizeof(text)) == 5);
    CHECK(::read(pipe, text, sizeof(text)) == 0);  // the server has closed its ends
    auto third = client.Next();
    REQUIRE(third.has_value());
    CHECK((*third)->fds.empty());
    CHECK_FALSE(client.Next()->has_value());
  }
}

TEST_CASE("a client that has shut down its sending half still gets its replies") {
  TestServer server;
  RawClient client(server.path());
  client.SendMessage(R"({"method":"org.example.test.Finish"})");
  client.SendMessage(R"({"method":"org.example.test.Echo","parameters":{"text":"last"}})");
  client.ShutdownSending();
  REQUIRE(Eventually([&] { return server.hanging == 1; }));
  server.may_finish = true;
  CHECK(client.Read() == std::optional<std::string>("{}"));
  CHECK(client.Read() == std::optional<std::string>(R"({"parameters":{"text":"last"}})"));
  CHECK(client.AtEnd());
}

TEST_CASE("oneway calls are carried out although the client has left") {
  TestServer server;
  RawClient client(server.path());
  client.SendMessage(R"({"method":"org.example.test.Note","oneway":true})");
  client.SendMessage(R"({"method":"org.example.test.Echo","parameters":{"text":"unheard"}})");
  client.SendMessage(R"({"method":"org.example.test.Note","oneway":true})");
  client.Close();
  CHECK(Eventually([&] { return server.noted == 2; }));
  CHECK(Eventually([&] { return server.connections() == 0; }));
}

TEST_CASE("the server knows who calls") {
  TestServer server;
  const auto whoami = [&] {
    RawClient client(server.path());
    client.SendMessage(R"({"method":"org.example.test.WhoAmI"})");
    return json::parse(client.Read().value_or("null")).at("parameters");
  };
  CHECK(whoami() == json{{"uid", ::geteuid()}, {"gid", ::getegid()}, {"pid", ::getpid()}});
  if (::geteuid() != 0) {
    WARN("SKIPPED: only root can be somebody else");
    return;
  }
  const test::AsUser user(65534);
  CHECK(whoami().at("uid") == 65534);
}

TEST_CASE("the client says what is wrong with the connection") {
  TestServer server;
  const auto none = ClientConnection::Connect(server.directory() + "/none");
  REQUIRE_FALSE(none.has_value());
  CHECK(none.error().code == ErrorCode::kNotFound);
  CHECK_THAT(none.error().message, Catch::Contains("is changejournald running?"));
  const auto plain = ClientConnection::Connect("/etc/passwd");
  REQUIRE_FALSE(plain.has_value());
  CHECK(plain.error().code == ErrorCode::kNotFound);
  const auto too_long = ClientConnection::Connect("/" + std::string(200, 'x'));
  REQUIRE_FALSE(too_long.has_value());
  CHECK(too_long.error().code == ErrorCode::kInvalidArgument);

  auto client = Connect(server);
  client.set_timeout(std::chrono::milliseconds(20));
  const auto late = client.Call("org.example.test.Finish", json::object());
  REQUIRE_FALSE(late.has_value());
  CHECK(late.error().errno_value == ETIMEDOUT);

  auto other = Connect(server);
  REQUIRE(other.CallMore("org.example.test.Hang", json::object()).has_value());
  REQUIRE(Eventually([&] { return server.hanging >= 1; }));
  server.may_finish = true;
  server.Stop(test::kPatience);
  const auto closed = other.Next();
  REQUIRE_FALSE(closed.has_value());
  CHECK(closed.error().errno_value == ECONNRESET);
}

TEST_CASE("the client refuses a server that does not speak Varlink") {
  const std::pair<std::string, const char*> rows[] = {
      {"HTTP/1.1 400 Bad Request\r\n" + std::string(1, '\0'), "not JSON"},
      {std::string("[]\0", 3), "not an object"},
      {R"({"continues":true})" + std::string(1, '\0'), "more replies than were asked for"},
      {"{", "closed the connection"},
      {"", "closed the connection"},
  };
  for (const auto& [answer, message] : rows) {
    CAPTURE(answer);
    int ends[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    ClientConnection client{UniqueFd(ends[0])};
    UniqueFd server_end(ends[1]);
    REQUIRE(::send(server_end.get(), answer.data(), answer.size(), 0) ==
            static_cast<ssize_t>(answer.size()));
    ::shutdown(server_end.get(), SHUT_WR);
    const auto reply = client.Call("a.b.C", json::object());
    REQUIRE_FALSE(reply.has_value());
    CHECK_THAT(reply.error().message, Catch::Contains(message));
  }
}

}  // namespace
}  // namespace cj
