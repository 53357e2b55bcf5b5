// The program against a scripted daemon: what it calls, shows, and how it ends.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/client/fake_daemon.h"

using namespace cj;
using nlohmann::json;

namespace {

json RecordJson(int sequence, const std::string& path) {
  return {{"sequence", sequence}, {"period", 1}, {"time_usec", 1795255200123456},
          {"volume", 1},          {"pid", 9},    {"operations", {"modified"}},
          {"path", path}};
}

const char* const kToken = "cj1-0123abcd-1";
const char* const kChangesWords = "--since=cj1-0123abcd-1";

}  // namespace

TEST_CASE("changectl: no daemon is exit status 5") {
  Ran ran = ChangectlAt("/tmp/cj-there-is-no-such-socket", {"status"});
  CHECK(ran.status == 5);
  CHECK(ran.out.empty());
  CHECK(ran.err ==
        "changectl: daemon not reachable at /tmp/cj-there-is-no-such-socket: is changejournald "
        "running?\n");
}

TEST_CASE("changectl: a socket that may not be used is exit status 4") {
  FakeDaemon daemon({});
  REQUIRE(::chmod(daemon.socket().c_str(), 0) == 0);
  constexpr uid_t kNobody = 65534;
  Ran ran = ChangectlAt(daemon.socket(), {"status"}, -1,
                        ::geteuid() == 0 ? std::optional<uid_t>(kNobody) : std::nullopt);
  CHECK(ran.status == 4);
  CHECK(ran.err.find("changectl: no permission to connect to ") == 0);
}

TEST_CASE("changectl: errors of the daemon become exit statuses") {
  struct Row {
    const char* name;
    json parameters;
    int status;
    const char* said;
  };
  const Row rows[] = {
      {"org.changejournal.RescanNeeded",
       {{"reason", "expired"}, {"next", "cj1-0123abcd-9"}},
       3,
       "changectl: rescan needed: expired\nchangectl: scan the tree, then go on from "
       "cj1-0123abcd-9\n"},
      {"org.changejournal.RescanNeeded",
       {{"reason", "foreign token"}},
       3,
       "changectl: rescan needed: foreign token\n"},
      {"org.varlink.service.PermissionDenied", {{"reason", "not root"}}, 4, nullptr},
      {"org.varlink.service.InvalidParameter",
       {{"parameter", "paths"}, {"reason", "outside"}},
       2,
       nullptr},
      {"org.changejournal.Busy", {{"reason", "too many"}}, 1, nullptr},
      {"org.changejournal.Failed", {{"reason", "disk"}}, 1, nullptr},
      {"org.varlink.service.MethodNotFound", {{"method", "Changes"}}, 1, nullptr},
      {"com.example.Strange", json::object(), 1, nullptr},
  };
  for (const Row& row : rows) {
    INFO(row.name);
    FakeDaemon daemon({{"Changes", {ErrorReply(row.name, row.parameters)}, {}, false}});
    Ran ran = Changectl(daemon, {"changes", kChangesWords});
    CHECK(ran.status == row.status);
    CHECK(ran.out.empty());
    CHECK(ran.err.find("changectl: ") == 0);
    if (row.said != nullptr) CHECK(ran.err == row.said);
    if (row.parameters.contains("reason")) {
      CHECK(ran.err.find(row.parameters["reason"].get<std::string>()) != std::string::npos);
    }
  }
}

TEST_CASE("changectl: a daemon that hangs up or talks nonsense is a failure") {
  {
    FakeDaemon daemon({{"Checkpoint", {}, {}, true}});
    Ran ran = Changectl(daemon, {"checkpoint"});
    CHECK(ran.status == 1);
    CHECK(ran.err.find("closed the connection") != std::string::npos);
  }
  for (const json& reply : {json(7), json({{"what", 1}}), Reply({{"token", 7}})}) {
    FakeDaemon daemon({{"Checkpoint", {reply}, {}, false}});
    Ran ran = Changectl(daemon, {"checkpoint"});
    CHECK(ran.status == 1);
    CHECK(ran.out.empty());
    CHECK_FALSE(ran.err.empty());
  }
}

TEST_CASE("changectl: usage is exit status 2 and asks nobody") {
  FakeDaemon daemon({});
  for (const std::vector<std::string>& words : {std::vector<std::string>{},
                                                {"watch"},
                                                {"changes"},
                                                {"log", "-n", "x"},
                                                {"status", "extra"}}) {
    CHECK(Changectl(daemon, words).status == 2);
  }
  CHECK(daemon.calls().empty());
  Ran help = Changectl(daemon, {"changes", "--help"});
  CHECK(help.status == 0);
  CHECK(help.out.find("--token-file") != std::string::npos);
}

TEST_CASE("changectl: checkpoint prints the token alone") {
  FakeDaemon daemon({{"Checkpoint", {Reply({{"token", "cj1-0123abcd-2"}})}, {}, false},
                     {"Checkpoint", {Reply({{"token", "cj1-0123abcd-3"}})}, {}, false}});
  CHECK(Changectl(daemon, {"checkpoint", "--label=x y"}).out == "cj1-0123abcd-2\n");
  CHECK(Changectl(daemon, {"checkpoint", "--json"}).out == "{\"token\":\"cj1-0123abcd-3\"}\n");
  CHECK(daemon.calls().at(0)["parameters"] == json({{"label", "x y"}}));
}

TEST_CASE("changectl: checkpoint says which trees it does not stand for") {
  const json absent = {{{"path", "/mnt/a b"}, {"why", "it is not mounted"}}};
  FakeDaemon daemon(
      {{"Checkpoint", {Reply({{"token", "cj1-0123abcd-2"}, {"absent", absent}})}, {}, false}});
  Ran ran = Changectl(daemon, {"checkpoint"});
  CHECK(ran.status == 0);
  CHECK(ran.out == "cj1-0123abcd-2\n");
  CHECK(ran.err.find("'/mnt/a b' is left out: it is not mounted") != std::string::npos);
}

TEST_CASE("changectl: log asks for what was asked, and shows it in each format") {
  Scene scene{"Log",
              {Reply({{"records", {RecordJson(1, "/a")}}}, true),
               Reply({{"records", {RecordJson(2, "/b c")}}})},
              {},
              false};
  FakeDaemon daemon({scene, scene, scene});
  Ran brief = Changectl(daemon, {"log", "-n", "2", "-r", "/srv", "--since=cj1-0123abcd-1"});
  CHECK(brief.status == 0);
  CHECK(brief.out ==
        "Nov 21 10:00:00.123456 1 modified /a\nNov 21 10:00:00.123456 2 modified /b c\n");
  CHECK(Changectl(daemon, {"log", "-o", "cat"}).out == "/a\n/b c\n");
  Ran lines = Changectl(daemon, {"log", "-o", "json"});
  CHECK(json::parse(lines.out.substr(0, lines.out.find('\n'))) == RecordJson(1, "/a"));
  // What is watched (this daemon does not say) comes first where paths are asked for.
  CHECK(daemon.calls().at(0)["method"] == "org.changejournal.GetStatus");
  const json call = daemon.calls().at(1);
  CHECK(call["more"] == true);
  CHECK(call["parameters"] == json({{"since", {{"token", "cj1-0123abcd-1"}}},
                                    {"paths", {"/srv"}},
                                    {"lines", 2},
                                    {"reverse", true}}));
}

TEST_CASE("changectl: explain shows lines and records") {
  const json evidence = {{"role", "link"}, {"token", kToken}, {"record", RecordJson(1, "/b")}};
  const json change = {{"change", "modified"}, {"type", "file"}, {"path", "/a"}, {"data", true}};
  json verdict = {{"since", kToken}, {"told", true}, {"below", 0}, {"left_out", 2}};
  const Scene told{"Explain",
                   {Reply({{"changes", {change}}}, true), Reply({{"evidence", {evidence}}}, true),
                    Reply({{"verdict", verdict}})},
                   {},
                   false};
  verdict["told"] = false;
  verdict["why_not"] = "nothing happened";
  const Scene not_told{"Explain", {Reply({{"verdict", verdict}})}, {}, false};
  const Scene cut{"Explain", {Reply({{"evidence", {evidence}}})}, {}, false};
  FakeDaemon daemon({told, told, not_told, cut});
  const Ran text = Changectl(daemon, {"explain", "/a", "--since=cj1-0123abcd-1"});
  CHECK(text.status == 0);
  CHECK(text.out ==
        "/a is in the answer since cj1-0123abcd-1:\n  ~ file data /a\nRecords:\n"
        "  cj1-0123abcd-1 Nov 21 10:00:00.123456 1 modified /b  (the same file)\n"
        "  and 2 further records\n");
  CHECK(daemon.calls().at(0)["parameters"] ==
        json({{"path", "/a"}, {"since", {{"token", kToken}}}}));
  const Ran lines = Changectl(daemon, {"explain", "/a", "--json"});
  CHECK(lines.out.find(R"({"role":"link","token":"cj1-0123abcd-1","record":{"sequence":1,)") !=
        std::string::npos);
  CHECK(lines.out.find(R"({"verdict":{"since":"cj1-0123abcd-1","told":true,)") !=
        std::string::npos);
  const Ran none = Changectl(daemon, {"explain", "/a"});
  CHECK(none.status == 0);
  CHECK(none.out.find("/a is not in the answer since cj1-0123abcd-1: nothing happened\n") == 0);
  const Ran part = Changectl(daemon, {"explain", "/a"});
  CHECK(part.status == 1);
  CHECK(part.err.find("cut short") != std::string::npos);
}

TEST_CASE("changectl: what was shown before an error stays shown") {
  FakeDaemon daemon({{"Log",
                      {Reply({{"records", {RecordJson(1, "/a")}}}, true),
                       ErrorReply("org.changejournal.Failed", {{"reason", "disk"}})},
                      {},
                      false}});
  Ran ran = Changectl(daemon, {"log", "-o", "cat"});
  CHECK(ran.status == 1);
  CHECK(ran.out == "/a\n");
}

TEST_CASE("changectl: doctor fails when something required is missing") {
  auto finding = [](bool available, bool required) {
    return json{{"name", "n"},
                {"subject", "s"},
                {"available", available},
                {"required", required},
                {"meaning", "means"}};
  };
  FakeDaemon daemon({{"Diagnose",
                      {Reply({{"findings", {finding(true, true), finding(false, false)}}})},
                      {},
                      false},
                     {"Diagnose", {Reply({{"findings", {finding(false, true)}}})}, {}, false}});
  CHECK(Changectl(daemon, {"doctor"}).status == 0);
  Ran ran = Changectl(daemon, {"doctor"});
  CHECK(ran.status == 1);
  CHECK(ran.out.find("MISSING n (s)") == 0);
  CHECK(ran.err.find("1 of what is required is missing") != std::string::npos);
}

TEST_CASE("changectl: output that cannot be written is a failure") {
  FakeDaemon daemon({{"Checkpoint", {Reply({{"token", "cj1-0123abcd-2"}})}, {}, false},
                     {"Checkpoint", {Reply({{"token", "cj1-0123abcd-3"}})}, {}, false}});
  UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  Ran ran = Changectl(daemon, {"checkpoint"}, full.get());
  CHECK(ran.status == 1);
  CHECK(ran.err == "changectl: cannot write the answer: No space left on device\n");
  // A reader that has seen enough is no reason to complain.
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  ::close(ends[0]);
  UniqueFd broken(ends[1]);
  ran = Changectl(daemon, {"checkpoint"}, broken.get());
  CHECK(ran.status == 1);
  CHECK(ran.err.empty());
}
