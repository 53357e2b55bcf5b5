// changes: the formats, and that nothing passes for whole which is not.
#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>

#include "tests/client/fake_daemon.h"

using namespace cj;
using nlohmann::json;

namespace {

const json kCreated = {{"change", "created"}, {"path", "/srv/a"}, {"type", "file"}};
const json kGone = {
    {"change", "deleted"}, {"path", "/srv/tmp"}, {"type", "file"}, {"transient", true}};
const json kModified = {
    {"change", "modified"}, {"path_base64", "L3Nydi//"}, {"type", "file"}, {"data", true}};
constexpr const char* kNext = "cj1-0123abcd-2";

std::vector<json> Whole() {
  return {Reply({{"changes", {kCreated, kGone}}}, true), Reply({{"changes", {kModified}}}, true),
          SummaryReply(3, kNext)};
}

std::vector<std::string> Words(std::vector<std::string> more = {}) {
  std::vector<std::string> words = {"changes", "--since=cj1-0123abcd-1"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

Scene Paths(const std::string& content, std::vector<json> last) {
  std::vector<json> replies = {Reply({{"pipe", 0}}, true)};
  replies.insert(replies.end(), last.begin(), last.end());
  return {"ChangePaths", std::move(replies), content, false};
}

}  // namespace

TEST_CASE("changes: text hides what came and went unless asked") {
  FakeDaemon daemon({{"Changes", Whole(), {}, false}, {"Changes", Whole(), {}, false}});
  Ran ran = Changectl(daemon, Words());
  CHECK(ran.status == 0);
  CHECK(ran.out == "+ file - /srv/a\n~ file data /srv/\xff\n");
  CHECK(ran.err == "next: cj1-0123abcd-2\n");
  ran = Changectl(daemon, Words({"--transient", "-q"}));
  CHECK(ran.out == "+ file - /srv/a\n- file transient /srv/tmp\n~ file data /srv/\xff\n");
  CHECK(ran.err.empty());
}

TEST_CASE("changes: JSON has every change, then the summary") {
  FakeDaemon daemon({{"Changes", Whole(), {}, false}, {"Changes", Whole(), {}, false}});
  Ran ran = Changectl(daemon, Words({"--format=json"}));
  CHECK(ran.status == 0);
  CHECK(ran.out ==
        "{\"change\":\"created\",\"path\":\"/srv/a\",\"type\":\"file\"}\n"
        "{\"change\":\"deleted\",\"path\":\"/srv/tmp\",\"type\":\"file\",\"transient\":true}\n"
        "{\"change\":\"modified\",\"path_base64\":\"L3Nydi//\",\"type\":\"file\",\"data\":true}\n"
        "{\"summary\":{\"since\":\"cj1-0123abcd-1\",\"next\":\"cj1-0123abcd-2\",\"changes\":3,"
        "\"complete\":true}}\n");
  CHECK(ran.err.empty());
  ran = Changectl(daemon, Words({"--format=json", "--relative-to=/srv/tmp"}));
  CHECK(ran.out ==
        "{\"change\":\"deleted\",\"path\":\".\",\"type\":\"file\",\"transient\":true}\n"
        "{\"summary\":{\"since\":\"cj1-0123abcd-1\",\"next\":\"cj1-0123abcd-2\",\"changes\":1,"
        "\"complete\":true}}\n");
}

TEST_CASE("changes: an answer without its summary, or of the wrong length, is a failure") {
  struct Row {
    std::vector<json> replies;
    bool hang_up;
    const char* said;
  };
  const Row rows[] = {
      {{Reply({{"changes", {kCreated}}}, true)}, true, "closed the connection"},
      {{Reply({{"changes", {kCreated}}})}, false, "the summary, did not come"},
      {{Reply({{"changes", {kCreated}}}, true), SummaryReply(2, kNext)}, false, "is not whole"},
      {{Reply({{"changes", {kCreated}}}, true),
        ErrorReply("org.changejournal.Failed", {{"reason", "disk"}})},
       false,
       "disk"},
  };
  for (const Row& row : rows) {
    INFO(row.said);
    FakeDaemon daemon({{"Changes", row.replies, {}, row.hang_up}});
    Ran ran = Changectl(daemon, Words());
    CHECK(ran.status == 1);
    CHECK(ran.out == "+ file - /srv/a\n");
    CHECK(ran.err.find(row.said) != std::string::npos);
    CHECK(ran.err.find("next:") == std::string::npos);
  }
}

TEST_CASE("changes: paths come through the pipe") {
  const std::string content("/srv/a\0/srv/b\nc\0", 16);
  FakeDaemon daemon({Paths(content, {SummaryReply(2, kNext)}),
                     Paths(content, {SummaryReply(2, kNext)}),
                     Paths("", {SummaryReply(0, kNext)})});
  Ran ran = Changectl(daemon, Words({"-0", "--relative-to=/srv", "--expand", "--deleted"}));
  CHECK(ran.status == 0);
  CHECK(ran.out == content);
  CHECK(ran.err == "next: cj1-0123abcd-2\n");
  CHECK(Changectl(daemon, Words({"--format=paths"})).out == "/srv/a\n/srv/b\nc\n");
  ran = Changectl(daemon, Words({"--format=paths"}));
  CHECK(ran.status == 0);
  CHECK(ran.out.empty());
  CHECK(daemon.calls().at(0)["parameters"] == json({{"since", {{"token", "cj1-0123abcd-1"}}},
                                                    {"paths", {"/srv"}},
                                                    {"relative_to", "/srv"},
                                                    {"expand", true},
                                                    {"presence", "deleted"}}));
}

TEST_CASE("changes: a pipe that was cut short is a failure") {
  const std::string content("/srv/a\0", 7);
  struct Row {
    Scene scene;
    const char* said;
  };
  const Row rows[] = {
      {{"ChangePaths", {Reply({{"pipe", 0}}, true)}, content, true}, "closed the connection"},
      {{"ChangePaths", {Reply({{"pipe", 0}})}, content, false}, "the summary, did not come"},
      {Paths(content, {Reply(json::object())}), "the summary, did not come"},
      {Paths(content, {ErrorReply("org.changejournal.Failed", {{"reason", "disk"}})}), "disk"},
      {Paths("/srv/a", {SummaryReply(1, kNext)}), "cut short"},
      {{"ChangePaths", {Reply({{"pipe", 0}}, true), SummaryReply(1, kNext)}, {}, false},
       "no pipe came"},
  };
  for (const Row& row : rows) {
    INFO(row.said);
    FakeDaemon daemon({row.scene});
    Ran ran = Changectl(daemon, Words({"-0"}));
    CHECK(ran.status == 1);
    CHECK(ran.err.find(row.said) != std::string::npos);
    CHECK(ran.err.find("next:") == std::string::npos);
  }
}

TEST_CASE("changes: what is asked for reaches the daemon") {
  FakeDaemon daemon({{"Changes", Whole(), {}, false}});
  Changectl(daemon, {"changes", "--since=@1700000000", "--until=cj1-0123abcd-2", "--kind=data",
                     "--no-wait", "--no-checkpoint", "/srv/x/../\xff", "/b"});
  CHECK(daemon.calls().at(0)["more"] == true);
  CHECK(daemon.calls().at(0)["parameters"] == json({{"since", {{"time_usec", 1700000000000000}}},
                                                    {"until", {{"token", "cj1-0123abcd-2"}}},
                                                    {"kinds", {"data"}},
                                                    {"wait", false},
                                                    {"checkpoint", false},
                                                    {"paths", {"/b"}},
                                                    {"paths_base64", {"L3Nydi//"}}}));
}

TEST_CASE("changes: replies that come together are not waited for one by one on a terminal") {
  // Each would cost the time after which a long wait is shown.
  FakeDaemon daemon({{"Changes", Whole(), {}, false}});
  UniqueFd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  REQUIRE(master.valid());
  REQUIRE(::grantpt(master.get()) == 0);
  REQUIRE(::unlockpt(master.get()) == 0);
  UniqueFd terminal(::open(::ptsname(master.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
  REQUIRE(terminal.valid());
  Ran ran = ChangectlAt(daemon.socket(), Words(), -1, std::nullopt, terminal.get());
  CHECK(ran.status == 0);
  std::string said(4096, '\0');
  ssize_t got = ::read(master.get(), said.data(), said.size());
  REQUIRE(got > 0);
  said.resize(static_cast<std::size_t>(got));
  CHECK(said == "next: cj1-0123abcd-2\r\n");
}
