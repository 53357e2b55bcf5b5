// log -f, when its connection ends: where it goes on, what it tells once, and when it gives up.
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <chrono>

#include "base/unique_fd.h"
#include "client/patience.h"
#include "client/session.h"
#include "tests/client/fake_daemon.h"

namespace cj::client {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;

// With the position behind them; 0: as a daemon tells that does not know of positions.
json EntriesReply(const std::vector<json>& records, int sequence) {
  json reply = {{"records", records}};
  if (sequence != 0) reply["position"] = {{"token", "cj1-0123abcd-1"}, {"sequence", sequence}};
  return Reply(reply, true);
}

json Told(int sequence) {
  return {{"sequence", sequence},
          {"period", 1},
          {"time_usec", 1},
          {"volume", 1},
          {"pid", 0},
          {"operations", {"created"}},
          {"path", "/" + std::to_string(sequence)}};
}

json Busy() { return ErrorReply("org.changejournal.Busy", {{"reason", "too many"}}); }
json Dropped() { return ErrorReply("org.changejournal.RescanNeeded", {{"reason", "dropped"}}); }

struct Shown {
  Outcome outcome;
  std::string text;
};

Shown RunWith(const FakeDaemon& daemon, LogOptions options,
              milliseconds patience = std::chrono::minutes(1)) {
  Connection connection(cj_new());
  REQUIRE(cj_connect(connection.get(), daemon.socket().c_str()) == 0);
  UniqueFd output(::memfd_create("output", MFD_CLOEXEC));
  Session session{.connection = std::move(connection),
                  .out = Output(output.get()),
                  .style = {},
                  .zone = {},
                  .follow_patience = patience};
  options.format = LogFormat::kCat;
  Shown shown;
  shown.outcome = RunLog(session, options);
  std::array<char, 4096> text{};
  const ssize_t length = ::pread(output.get(), text.data(), text.size(), 0);
  shown.text.assign(text.data(), static_cast<std::size_t>(length));
  return shown;
}

LogOptions Following() {
  LogOptions options;
  options.follow = true;
  return options;
}

}  // namespace

TEST_CASE("log: followed it goes on behind what it has shown, with its filters alone") {
  FakeDaemon daemon({{"Log", {EntriesReply({Told(1), Told(2)}, 2), EntriesReply({}, 5)}, {}, true},
                     {"Log", {EntriesReply({}, 5), EntriesReply({Told(6)}, 6)}, {}, true},
                     {"Log", {Dropped()}, {}, false}});
  LogOptions options = Following();
  options.since = Position{"cj1-0123abcd-1", {}};
  options.lines = 10;
  options.kinds = {"entry"};
  options.types = {"file"};
  const Shown shown = RunWith(daemon, options);
  CHECK(shown.text == "/1\n/2\n/6\n");
  CHECK(shown.outcome.status == ExitStatus::kRescanNeeded);
  json resumed = {{"follow", true}, {"kinds", {"entry"}}, {"types", {"file"}}};
  resumed["resume"] = {{"token", "cj1-0123abcd-1"}, {"sequence", 5}};
  REQUIRE(daemon.calls().size() == 3);
  CHECK(daemon.calls()[0]["parameters"]["lines"] == 10);
  CHECK(daemon.calls()[1]["parameters"] == resumed);
  CHECK(daemon.calls()[2]["parameters"]["resume"]["sequence"] == 6);
}

TEST_CASE("log: a time to begin at stays one when it goes on") {
  FakeDaemon daemon({{"Log", {EntriesReply({}, 5)}, {}, true}, {"Log", {Dropped()}, {}, false}});
  LogOptions options = Following();
  options.since = Position{"", 1234};
  CHECK(RunWith(daemon, options).outcome.status == ExitStatus::kRescanNeeded);
  REQUIRE(daemon.calls().size() == 2);
  CHECK(daemon.calls()[1]["parameters"]["from_usec"] == 1234);
}

TEST_CASE("log: followed it gives up when the daemon hangs up on it for too long") {
  std::vector<Scene> script(1000, Scene{"Log", {}, {}, true});
  script.front().replies.push_back(EntriesReply({Told(7)}, 7));
  FakeDaemon daemon(script);
  const Shown shown = RunWith(daemon, Following(), milliseconds(200));
  CHECK(shown.text == "/7\n");
  CHECK(shown.outcome.status == ExitStatus::kNotReachable);
  CHECK(shown.outcome.message.find("has not come back: the daemon closed the connection") !=
        std::string::npos);
  const auto calls = daemon.calls();
  // It has tried, each time from where it was, and not without a pause.
  CHECK(calls.size() >= 2);
  CHECK(calls.size() < 10);
  CHECK(calls.back()["parameters"]["resume"]["sequence"] == 7);
}

TEST_CASE("log: its patience begins anew when it goes on, also where there is nothing to show") {
  // Each of them is a pause of 50 ms at least: together far more than the patience.
  std::vector<Scene> script(12, Scene{"Log", {EntriesReply({}, 3)}, {}, true});
  script.push_back({"Log", {Dropped()}, {}, false});
  FakeDaemon daemon(script);
  const Shown shown = RunWith(daemon, Following(), milliseconds(300));
  CHECK(shown.outcome.status == ExitStatus::kRescanNeeded);
  CHECK(daemon.calls().size() == 13);
}

TEST_CASE("patience: it counts from the first attempt that fails, not from what came before") {
  constexpr milliseconds kWhole(20);
  Patience patience(kWhole);
  const auto begin = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() < begin + 2 * kWhole) {
  }
  CHECK(patience.Wait());  // a pause of 50 ms
  CHECK_FALSE(patience.Wait());
  patience.Renew();
  CHECK(patience.Wait());
}

TEST_CASE("log: a daemon that has not let go of the former connection is tried again") {
  FakeDaemon daemon({{"Log", {EntriesReply({}, 3)}, {}, true},
                     {"Log", {Busy()}, {}, false},
                     {"Log", {EntriesReply({Told(4)}, 4)}, {}, true},
                     {"Log", {Dropped()}, {}, false}});
  const Shown shown = RunWith(daemon, Following());
  CHECK(shown.text == "/4\n");
  CHECK(shown.outcome.status == ExitStatus::kRescanNeeded);
  CHECK(daemon.calls().size() == 4);
}

TEST_CASE("log: before anything has come it asks the same again") {
  FakeDaemon daemon({{"Log", {}, {}, true},
                     {"Log", {EntriesReply({Told(4)}, 4)}, {}, true},
                     {"Log", {Dropped()}, {}, false}});
  LogOptions options = Following();
  options.lines = 10;
  CHECK(RunWith(daemon, options).text == "/4\n");
  REQUIRE(daemon.calls().size() == 3);
  CHECK(daemon.calls()[1] == daemon.calls()[0]);
}

TEST_CASE("log: what cannot go on says why it ended") {
  struct Case {
    const char* what;
    LogOptions options;
    Scene scene;
    const char* shown;
    const char* message;
  };
  const LogOptions once;
  const std::vector<Case> cases = {
      {"refused from the beginning", Following(), {"Log", {Busy()}, {}, false}, "", "too many"},
      {"a daemon without positions",
       Following(),
       {"Log", {EntriesReply({Told(1)}, 0)}, {}, true},
       "/1\n",
       "closed the connection"},
      {"not followed",
       once,
       {"Log", {EntriesReply({Told(1)}, 1)}, {}, true},
       "/1\n",
       "closed the connection"}};
  for (const Case& each : cases) {
    CAPTURE(each.what);
    FakeDaemon daemon({each.scene, {"Log", {EntriesReply({Told(9)}, 9)}, {}, false}});
    const Shown shown = RunWith(daemon, each.options);
    CHECK(shown.text == each.shown);
    CHECK(shown.outcome.status == ExitStatus::kFailed);
    CAPTURE(shown.outcome.message);
    CHECK(shown.outcome.message.find(each.message) != std::string::npos);
    CHECK(daemon.calls().size() == 1);
  }
}

}  // namespace cj::client
