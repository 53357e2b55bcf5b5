// follow, when its connection ends: where it goes on, and when it gives up.
#include <fcntl.h>

#include <catch2/catch.hpp>

#include "base/unique_fd.h"
#include "client/session.h"
#include "tests/client/fake_daemon.h"

namespace cj::client {
namespace {

using nlohmann::json;

json FeedReply(int sequence) {
  const json position = {{"token", "cj1-0123abcd-1"}, {"sequence", sequence}};
  return Reply({{"records", json::array()}, {"position", position}}, true);
}

Outcome Follow(const FakeDaemon& daemon, std::chrono::milliseconds patience) {
  Connection connection(cj_new());
  REQUIRE(cj_connect(connection.get(), daemon.socket().c_str()) == 0);
  UniqueFd nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  Session session{.connection = std::move(connection),
                  .out = Output(nowhere.get()),
                  .style = {},
                  .zone = {},
                  .follow_patience = patience};
  Options options;
  options.verb = Verb::kFollow;
  options.socket = daemon.socket();
  return RunFollow(session, options);
}

TEST_CASE("follow: gives up when the daemon hangs up on it for too long") {
  std::vector<Scene> script(1000, Scene{"Follow", {}, {}, true});
  script.front().replies.push_back(FeedReply(7));
  FakeDaemon daemon(script);
  const Outcome outcome = Follow(daemon, std::chrono::milliseconds(200));
  CHECK(outcome.status == ExitStatus::kNotReachable);
  const auto calls = daemon.calls();
  // It has tried, each time from where it was, and not without a pause.
  CHECK(calls.size() >= 2);
  CHECK(calls.size() < 10);
  CHECK(calls.back()["parameters"]["resume"]["sequence"] == 7);
}

TEST_CASE("follow: its patience begins anew with each reply") {
  // Each of them is a pause of 50 ms at least: together far more than the patience.
  std::vector<Scene> script;
  for (int i = 1; i <= 12; ++i) script.push_back({"Follow", {FeedReply(i)}, {}, true});
  const json dropped = ErrorReply("org.changejournal.RescanNeeded", {{"reason", "dropped"}});
  script.push_back({"Follow", {dropped}, {}, false});
  FakeDaemon daemon(script);
  const Outcome outcome = Follow(daemon, std::chrono::milliseconds(300));
  CHECK(outcome.status == ExitStatus::kRescanNeeded);
  CHECK(daemon.calls().size() == 13);
}

}  // namespace
}  // namespace cj::client
