// --token-file: moves when the whole answer is out of our hands, and never otherwise.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/client/fake_daemon.h"

using namespace cj;
using nlohmann::json;

namespace {

const json kCreated = {{"change", "created"}, {"path", "/srv/a"}, {"type", "file"}};
const std::string kOld = "cj1-0123abcd-1\n";
constexpr const char* kNext = "cj1-0123abcd-2";

Scene Whole() {
  return {"Changes", {Reply({{"changes", {kCreated}}}, true), SummaryReply(1, kNext)}, {}, false};
}

// Runs `changes --token-file` in the daemon's directory.
Ran Run(FakeDaemon& daemon, const std::vector<std::string>& more = {}, int stdout_fd = -1) {
  std::vector<std::string> words = {"changes", "--token-file=" + daemon.directory() + "/token"};
  words.insert(words.end(), more.begin(), more.end());
  return Changectl(daemon, words, stdout_fd);
}

std::string Token(const FakeDaemon& daemon) { return ReadFile(daemon.directory() + "/token"); }
void SetToken(const FakeDaemon& daemon, const std::string& text) {
  WriteFile(daemon.directory() + "/token", text);
}

}  // namespace

TEST_CASE("token file: read, and replaced after the answer") {
  FakeDaemon daemon({Whole()});
  SetToken(daemon, kOld);
  Ran ran = Run(daemon);
  CHECK(ran.status == 0);
  CHECK(ran.out == "+ file - /srv/a\n");
  CHECK(ran.err == "next: cj1-0123abcd-2\n");
  CHECK(Token(daemon) == "cj1-0123abcd-2\n");
  CHECK(daemon.calls().at(0)["parameters"]["since"] == json({{"token", "cj1-0123abcd-1"}}));
}

TEST_CASE("token file: replaced after paths, too, and with a file as output") {
  const std::string content("/srv/a\0", 7);
  FakeDaemon daemon(
      {{"ChangePaths", {Reply({{"pipe", 0}}, true), SummaryReply(1, kNext)}, content, false}});
  SetToken(daemon, kOld);
  UniqueFd out(::open((daemon.directory() + "/out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  Ran ran = Run(daemon, {"-0"}, out.get());
  CHECK(ran.status == 0);
  CHECK(ReadFile(daemon.directory() + "/out") == content);
  CHECK(Token(daemon) == "cj1-0123abcd-2\n");
}

TEST_CASE("token file: a missing one is created with the token to start from") {
  FakeDaemon daemon({{"Checkpoint", {Reply({{"token", "cj1-0123abcd-5"}})}, {}, false}});
  Ran ran = Run(daemon, {"--label=start"});
  CHECK(ran.status == 3);
  CHECK(ran.out.empty());
  CHECK(ran.err.find("changectl: rescan needed: there was no ") == 0);
  CHECK(Token(daemon) == "cj1-0123abcd-5\n");
  CHECK(daemon.calls().at(0)["parameters"] == json({{"label", "start"}}));
}

TEST_CASE("token file: without a checkpoint it starts from the open period") {
  const json status = {
      {"version", "1"},
      {"journal", "j"},
      {"pid", 1},
      {"start_usec", 1},
      {"state_directory", "/s"},
      {"store_bytes", 1},
      {"open_period", {{"token", "cj1-0123abcd-4"}, {"start_usec", 2}, {"records", 0}}},
      {"oldest", "cj1-0123abcd-3"},
      {"periods", 2},
      {"next_sequence", 1},
      {"watches",
       {{{"path", "/w"}, {"volume", 1}, {"excludes", json::array()}},
        {{"path", "/d"}, {"volume", 0}, {"excludes", json::array()}, {"absent", "it is away"}}}},
      {"volumes", json::array()},
      {"gaps", json::array()},
      {"consumers", json::array()},
      {"counters", {{"events_read", 0}, {"records_stored", 0}}},
      {"continuity", {{"survives_kill", true}, {"inherited", false}}},
      {"resident_bytes", 1},
      {"connections", 1},
      {"answers", 0}};
  FakeDaemon daemon({{"GetStatus", {Reply(status)}, {}, false}});
  Ran ran = Run(daemon, {"--no-checkpoint"});
  CHECK(ran.status == 3);
  CHECK(ran.err.find("changectl: /d is left out: it is away. ") != std::string::npos);
  CHECK(Token(daemon) == "cj1-0123abcd-4\n");
}

TEST_CASE("token file: a missing one that cannot be made is a failure") {
  FakeDaemon daemon(
      {{"Checkpoint", {Reply({{"token", "cj1-0123abcd-5"}})}, {}, false},
       {"Checkpoint", {ErrorReply("org.varlink.service.PermissionDenied", {})}, {}, false}});
  Ran ran = Changectl(daemon, {"changes", "--token-file=" + daemon.directory() + "/no/token"});
  CHECK(ran.status == 1);
  CHECK(Run(daemon).status == 4);
  CHECK(Token(daemon).empty());
}

TEST_CASE("token file: damaged content is told, kept, and asks nobody") {
  FakeDaemon daemon({});
  SetToken(daemon, "cj1-0123");
  Ran ran = Run(daemon);
  CHECK(ran.status == 3);
  CHECK(ran.err.find("does not hold a token") != std::string::npos);
  CHECK(Token(daemon) == "cj1-0123");
  CHECK(daemon.calls().empty());
}

TEST_CASE("token file: untouched by every answer that is not whole") {
  const std::vector<Scene> scenes = {
      {"Changes",
       {ErrorReply("org.changejournal.RescanNeeded",
                   {{"reason", "gap"}, {"next", "cj1-0123abcd-9"}})},
       {},
       false},
      {"Changes", {ErrorReply("org.changejournal.Failed", {{"reason", "disk"}})}, {}, false},
      {"Changes", {Reply({{"changes", {kCreated}}})}, {}, false},
      {"Changes", {Reply({{"changes", {kCreated}}}, true)}, {}, true},
      {"Changes", {SummaryReply(7, kNext)}, {}, false},
      {"Changes", {SummaryReply(0, "cj1-cut")}, {}, false},
  };
  for (std::size_t i = 0; i < scenes.size(); ++i) {
    INFO("scene " << i);
    FakeDaemon daemon({scenes[i]});
    SetToken(daemon, kOld);
    Ran ran = Run(daemon);
    CHECK(ran.status == (i == 0 ? 3 : 1));
    CHECK(Token(daemon) == kOld);
    const bool told_to_remove = ran.err.find("\nchangectl: " + daemon.directory() +
                                             "/token is left as it was: run this again, or, "
                                             "where the reason stays, remove the file, run "
                                             "this, then scan the tree\n") != std::string::npos;
    CHECK(told_to_remove == (i == 0));
  }
}

TEST_CASE("token file: untouched when the output could not be written") {
  FakeDaemon daemon({Whole(), Whole(), Whole()});
  SetToken(daemon, kOld);
  UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  Ran ran = Run(daemon, {}, full.get());
  CHECK(ran.status == 1);
  CHECK(ran.err.find("No space left on device; " + daemon.directory() +
                     "/token is left as it was") != std::string::npos);
  CHECK(Token(daemon) == kOld);
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  ::close(ends[0]);
  UniqueFd broken(ends[1]);
  ran = Run(daemon, {}, broken.get());
  CHECK(ran.status == 1);
  CHECK(ran.err.find("Broken pipe; ") != std::string::npos);
  CHECK(Token(daemon) == kOld);
}

TEST_CASE("token file: something that is no file is refused before anything is asked") {
  FakeDaemon daemon({});
  REQUIRE(::mkfifo((daemon.directory() + "/token").c_str(), 0600) == 0);
  Ran ran = Run(daemon);
  CHECK(ran.status == 2);
  CHECK(ran.err.find("is not a regular file") != std::string::npos);
  CHECK(daemon.calls().empty());
}
