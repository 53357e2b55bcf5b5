// Hostile clients: each loses its connection, and nobody else notices.
#include <sys/socket.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <random>

#include "test_server.h"

namespace cj {
namespace {

using test::Eventually;
using test::RawClient;
using test::TestServer;

const std::string kFlood =
    R"({"method":"org.example.test.Flood","more":true,"parameters":{"size":100000}})";

TEST_CASE("garbage closes the connection that it came on") {
  TestServer server;
  RawClient bystander(server.path());
  const std::string nul(1, '\0');
  const std::pair<std::string, const char*> rows[] = {
      {nul, "not JSON"},
      {"GET / HTTP/1.1\r\n\r\n" + nul, "not JSON"},
      {"[]" + nul, "not an object"},
      {"{}" + nul, "no 'method'"},
      {R"({"method":"org.varlink.service.GetInfo","more":1})" + nul, "'more' is not a boolean"},
      {R"({"method":"org.varlink.service.GetInfo","more":true,"oneway":true})" + nul,
       "more than one of"},
      {std::string(400'000, '[') + nul, "nested deeper"},
      {R"({"method":"a.b.C","parameters":)" + std::string(400'000, '{') + nul, "nested deeper"},
      {R"({"method":"a.b.C","parameters":{"x":[0)" +
           [] {
             std::string zeros;
             for (int i = 0; i < 50'000; ++i) zeros += ",0";
             return zeros;
           }() +
           "]}}" + nul,
       "more than 32768 values"},
      {std::string("\xff\xfe\0", 3), "not JSON"},
  };
  for (const auto& [bytes, complaint] : rows) {
    CAPTURE(bytes.substr(0, 60));
    RawClient client(server.path());
    REQUIRE(client.Alive());
    client.Send(bytes);
    CHECK(client.AtEnd());
    CHECK(server.Logged(complaint));
  }
  CHECK(bystander.Alive());
}

TEST_CASE("random bytes never harm the server") {
  const char* given = std::getenv("CJ_SEED");
  const auto seed =
      given != nullptr ? static_cast<std::uint32_t>(std::stoul(given)) : std::random_device()();
  std::cout << "CJ_SEED=" << seed << "\n";
  std::mt19937 random(seed);
  TestServer server;
  for (int i = 0; i < 200; ++i) {
    RawClient client(server.path());
    std::string bytes(random() % 3000, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    client.Send(bytes + '\0');
    CHECK(client.AtEnd());
  }
  CHECK(RawClient(server.path()).Alive());
}

TEST_CASE("a message of the largest size is read, one more byte closes the connection") {
  TestServer server;
  const std::string head = R"({"method":"org.example.test.Echo","parameters":{"text":")";
  const std::string tail = R"("}})";
  const std::string fits =
      head + std::string(kMaxCallBytes - head.size() - tail.size(), 'x') + tail;
  RawClient good(server.path());
  std::thread sender([&] { good.SendMessage(fits); });
  const auto reply = good.Read();
  sender.join();
  REQUIRE(reply.has_value());
  CHECK(reply->size() > kMaxCallBytes - 100);

  RawClient bad(server.path());
  bad.Send(head + std::string(kMaxCallBytes, 'x'));  // no end in sight
  CHECK(bad.AtEnd());
  CHECK(server.Logged("longer than 1048576 bytes"));
  CHECK(good.Alive());
}

TEST_CASE("half a message must become a whole one in time") {
  Limits limits;
  limits.receive_timeout = std::chrono::milliseconds(60);
  TestServer server(limits);
  RawClient idle(server.path());
  RawClient half(server.path());
  half.Send(R"({"method":"org.varlink)");
  // A byte now and then does not help: the time is for the whole message.
  RawClient trickle(server.path());
  CHECK(Eventually([&] { return !trickle.Send(" "); }));
  CHECK(half.AtEnd());
  CHECK(server.Logged("half a message"));
  // A client that is just quiet stays, and may go on after a whole message.
  CHECK(idle.Alive());
  CHECK(idle.Alive());
}

TEST_CASE("a client that never reads is cut off, and its method is cancelled") {
  Limits limits;
  limits.stall_timeout = std::chrono::milliseconds(60);
  TestServer server(limits);
  RawClient stalled(server.path());
  stalled.SendMessage(kFlood);
  CHECK(Eventually([&] { return server.cancelled == 1; }));
  CHECK(server.Logged("has not read its replies in time"));
  // What was made for it meanwhile fits into the kernel's buffer and one message.
  CHECK(server.sent.load() < 10);
  CHECK(Eventually([&] { return server.connections() == 0; }));
  CHECK(RawClient(server.path()).Alive());
}

TEST_CASE("a stalled client does not hold the others up") {
  TestServer server;
  RawClient stalled(server.path());
  stalled.SendMessage(kFlood);
  REQUIRE(Eventually([&] { return server.sent > 0; }));
  RawClient other(server.path());
  for (int i = 0; i < 100; ++i) REQUIRE(other.Alive());
  CHECK(server.sent.load() < 10);
  CHECK(server.hanging == 1);
}

TEST_CASE("a fast reader does not hold the others up") {
  TestServer server;
  RawClient reader(server.path());
  reader.SendMessage(kFlood);
  std::atomic<bool> stop = false;
  std::atomic<bool> cut_off = false;
  std::thread reading([&] {
    while (!stop) cut_off = cut_off || !reader.Read().has_value();
  });
  RawClient other(server.path());
  for (int i = 0; i < 100; ++i) CHECK(other.Alive());
  // How far the reader came meanwhile is the machine's affair; that it goes on is ours.
  CHECK(Eventually([&] { return server.sent > 10; }));
  stop = true;
  reading.join();
  CHECK_FALSE(cut_off);
}

TEST_CASE("a client that leaves has its method cancelled") {
  TestServer server;
  for (const char* method : {"Hang", "Flood", "Work"}) {
    CAPTURE(method);
    const int before = server.cancelled;
    RawClient client(server.path());
    client.SendMessage(std::string(R"({"method":"org.example.test.)") + method +
                       R"(","more":true,"parameters":{"size":1000}})");
    REQUIRE(Eventually([&] { return server.hanging == 1; }));
    client.Close();
    CHECK(Eventually([&] { return server.cancelled == before + 1; }));
    CHECK(Eventually([&] { return server.connections() == 0; }));
  }
  CHECK(server.worker_gone == 1);
  CHECK(server.log().empty());
}

TEST_CASE("a client killed in the middle of a reply costs nothing") {
  TestServer server;
  for (int i = 0; i < 20; ++i) {
    RawClient client(server.path());
    client.SendMessage(R"({"method":"org.example.test.Blob","parameters":{"size":3000000}})");
    std::array<char, 1000> some;
    CHECK(::recv(client.fd(), some.data(), some.size(), 0) > 0);
  }
  CHECK(Eventually([&] { return server.connections() == 0; }));
  CHECK(RawClient(server.path()).Alive());
}

TEST_CASE("an answer that no client could take is not sent") {
  TestServer server;
  RawClient client(server.path());
  client.SendMessage(R"({"method":"org.example.test.Blob","parameters":{"size":17000000}})");
  CHECK(client.AtEnd());
  CHECK(server.Logged("too long for a message"));
}

TEST_CASE("urgent data is no way in") {
  TestServer server;
  RawClient client(server.path());
  REQUIRE(client.Alive());
  if (::send(client.fd(), "!", 1, MSG_OOB) < 0) {
    WARN("SKIPPED: this kernel has no urgent data on Unix sockets");
    return;
  }
  CHECK(client.AtEnd());
  CHECK(server.Logged("urgent data"));
}

TEST_CASE("descriptors that a client sends are not taken") {
  TestServer server;
  const auto before = test::OpenDescriptors();
  RawClient client(server.path());
  for (int i = 0; i < 20; ++i) {
    const std::string text = R"({"method":"org.varlink.service.GetInfo"})" + std::string(1, '\0');
    iovec data{const_cast<char*>(text.data()), text.size()};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    const int fd = client.fd();
    std::memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
    // Linux 6.16 and newer: EPERM. Older: sent, and dropped by the server's kernel.
    if (::sendmsg(client.fd(), &header, MSG_NOSIGNAL) < 0) {
      CHECK(errno == EPERM);
      break;
    }
    CHECK(client.Read().has_value());
  }
  CHECK(client.Alive());
  client.Close();
  CHECK(Eventually([&] { return test::OpenDescriptors() == before; }));
}

TEST_CASE("a defect in a method closes that connection only") {
  TestServer server;
  RawClient bystander(server.path());
  for (const auto& [method, complaint] :
       {std::pair("Silent", "gave no answer"), std::pair("Throws", "thrown on purpose"),
        std::pair("Blob", "type")}) {
    CAPTURE(method);
    RawClient client(server.path());
    client.SendMessage(std::string(R"({"method":"org.example.test.)") + method +
                       R"(","parameters":{"size":"big"}})");
    CHECK(client.AtEnd());
    CHECK(server.Logged(complaint));
  }
  CHECK(bystander.Alive());
}

TEST_CASE("strangers cannot flood the log") {
  TestServer server;
  for (int i = 0; i < 300; ++i) {
    RawClient client(server.path());
    client.Send(std::string(1, '\0'));
    CHECK(client.AtEnd());
  }
  CHECK(server.log().size() < 100);
}

TEST_CASE("no descriptor is left behind") {
  const auto before = test::OpenDescriptors();
  {
    TestServer server;
    for (int i = 0; i < 30; ++i) {
      RawClient garbage(server.path());
      garbage.Send(std::string(1, '\0'));
      RawClient piped(server.path());
      piped.SendMessage(
          R"({"method":"org.example.test.Pipe","more":true,"parameters":{"text":"a"}})");
      RawClient flooded(server.path());
      flooded.SendMessage(kFlood);
      RawClient hanging(server.path());
      hanging.SendMessage(R"({"method":"org.example.test.Hang","more":true})");
      REQUIRE(hanging.Send("{"));
    }
  }
  CHECK(test::OpenDescriptors() == before);
}

}  // namespace
}  // namespace cj
