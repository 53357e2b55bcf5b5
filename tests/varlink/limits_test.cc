// The bounds on connections and descriptors, crossed.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <deque>

#include "service/varlink/complaints.h"
#include "test_server.h"

namespace cj {
namespace {

using test::AsUser;
using test::Eventually;
using test::RawClient;
using test::TestServer;

bool IsRoot() {
  if (::geteuid() == 0) return true;
  WARN("SKIPPED: needs root, to be several users");
  return false;
}

// A client of user `uid`.
RawClient ClientOf(const TestServer& server, uid_t uid) {
  const AsUser user(uid);
  return RawClient(server.path());
}

TEST_CASE("connections are bounded per user, and root goes before") {
  if (!IsRoot()) return;
  Limits limits;
  limits.max_connections = 10;
  limits.reserved_for_root = 3;
  limits.max_connections_per_uid = 4;
  TestServer server(limits);
  std::deque<RawClient> clients;
  const auto admitted = [&](uid_t uid) {
    clients.push_back(ClientOf(server, uid));
    const bool alive = clients.back().Alive();
    if (!alive) clients.pop_back();
    return alive;
  };
  for (int i = 0; i < 4; ++i) CHECK(admitted(1001));
  CHECK_FALSE(admitted(1001));
  CHECK(server.Logged("this user has too many connections"));
  for (int i = 0; i < 3; ++i) CHECK(admitted(1002));
  CHECK_FALSE(admitted(1002));  // 7 of 10: the rest is root's
  CHECK_FALSE(admitted(1003));
  CHECK(server.Logged("the last places are root's"));
  for (int i = 0; i < 3; ++i) CHECK(admitted(0));
  CHECK_FALSE(admitted(0));
  CHECK(server.connections() == 10);
  for (RawClient& client : clients) CHECK(client.Alive());
  // A place that becomes free can be had again.
  clients.erase(clients.begin(), clients.begin() + 2);
  REQUIRE(Eventually([&] { return server.connections() == 8; }));
  CHECK_FALSE(admitted(1003));
  clients.erase(clients.begin(), clients.begin() + 2);
  REQUIRE(Eventually([&] { return server.connections() == 6; }));
  CHECK(admitted(1001));
}

TEST_CASE("two thousand clients at once, of whom as many as there is room for are served") {
  rlimit files{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &files) == 0);
  if (files.rlim_max < 5000) {
    WARN("SKIPPED: needs 5000 descriptors, may have " << files.rlim_max);
    return;
  }
  const rlimit before = files;
  files.rlim_cur = 5000;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &files) == 0);
  {
    TestServer server;
    const std::size_t room = Limits{}.max_connections;
    std::deque<RawClient> clients;
    for (int i = 0; i < 2000; ++i) clients.emplace_back(server.path());
    std::size_t served = 0;
    for (RawClient& client : clients) served += client.Alive() ? 1 : 0;
    CHECK(served == (::geteuid() == 0 ? room : Limits{}.max_connections_per_uid));
    clients.clear();
    CHECK(Eventually([&] { return server.connections() == 0; }));
    CHECK(RawClient(server.path()).Alive());
  }
  ::setrlimit(RLIMIT_NOFILE, &before);
}

TEST_CASE("without descriptors new clients wait, and present ones are served") {
  Limits limits;
  limits.accept_pause = std::chrono::milliseconds(5);
  TestServer server(limits);
  RawClient present(server.path());
  REQUIRE(present.Alive());
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  rlimit few = before;
  few.rlim_cur = 200;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
  std::deque<UniqueFd> fillers;
  while (true) {
    UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!fd) break;
    fillers.push_back(std::move(fd));
  }
  fillers.pop_back();  // for the client's own end
  RawClient waiting(server.path());
  REQUIRE(waiting.SendMessage(R"({"method":"org.varlink.service.GetInfo"})"));
  CHECK(Eventually([&] { return server.Logged("cannot accept a client, trying again"); }));
  CHECK(present.Alive());
  CHECK(server.connections() == 1);
  fillers.clear();
  CHECK(waiting.Read().has_value());
  CHECK(waiting.Alive());
  ::setrlimit(RLIMIT_NOFILE, &before);
}

TEST_CASE("complaints are bounded per interval, and what was left out is counted") {
  std::vector<std::string> written;
  Complaints complaints([&](const std::string& sentence) { written.push_back(sentence); });
  auto now = std::chrono::steady_clock::now();
  for (int i = 0; i < 100; ++i) complaints.Add("a", now);
  CHECK(written.size() == Complaints::kPerInterval);
  complaints.Add("b", now + Complaints::kInterval);
  REQUIRE(written.size() == Complaints::kPerInterval + 2);
  CHECK(written[Complaints::kPerInterval] == "80 more complaints were left out");
  CHECK(written.back() == "b");
}

}  // namespace
}  // namespace cj
