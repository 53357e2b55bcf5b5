// What each handle tells, and that it is nobody else's: the members of structs, errors, readiness,
// descriptors, threads. Under ThreadSanitizer: without a race.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <cerrno>
#include <deque>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "library/changejournal.h"
#include "tests/client/fake_daemon.h"

using namespace cj;
using nlohmann::json;

namespace {

struct Closer {
  void operator()(cj_connection* journal) const { cj_close(journal); }
};
using Journal = std::unique_ptr<cj_connection, Closer>;

Journal ConnectTo(const FakeDaemon& daemon) {
  Journal journal(cj_new());
  REQUIRE(cj_connect(journal.get(), daemon.socket().c_str()) == 0);
  return journal;
}

cj_question Since(const char* token) {
  cj_question question{};
  question.size = sizeof(question);
  question.since_token = token;
  return question;
}

json Created(const std::string& path) {
  return {{"change", "created"}, {"path", path}, {"type", "file"}};
}

}  // namespace

TEST_CASE("library: how much an answer has at hand") {
  FakeDaemon daemon({{"Changes",
                      {Reply({{"changes", {Created("/a"), Created("/b"), Created("/c")}}}, true),
                       SummaryReply(3, "n")},
                      {},
                      false}});
  const Journal journal = ConnectTo(daemon);
  const cj_question question = Since("t");
  cj_answer* answer = nullptr;
  REQUIRE(cj_changes(journal.get(), &question, &answer) == 0);
  CHECK(cj_answer_ready(answer) == 0);
  const cj_change* change = nullptr;
  for (std::size_t left : {2U, 1U, 0U}) {
    REQUIRE(cj_answer_next(answer, &change) == CJ_CHANGE);
    CHECK(cj_answer_ready(answer) == left);
  }
  CHECK(cj_answer_next(answer, &change) == CJ_END);
  CHECK(cj_answer_ready(answer) == 0);
  CHECK(cj_answer_ready(nullptr) == 0);
  cj_answer_close(answer);
}

TEST_CASE("library: how far a crawl is") {
  const json crawl = {{"running", true}, {"directories", 1}, {"entries", 2},
                      {"expected", 3},   {"changed", 4},     {"completed", 5},
                      {"start_usec", 6}, {"took_usec", 7},   {"unreadable", 8}};
  const json ended = {
      {"running", false}, {"directories", 1}, {"entries", 2}, {"changed", 4}, {"completed", 6}};
  FakeDaemon daemon(
      {{"Changes",
        {Reply({{"crawl", crawl}}, true), Reply({{"crawl", ended}}, true), SummaryReply(0, "n")},
        {},
        false}});
  const Journal journal = ConnectTo(daemon);
  cj_question question = Since("t");
  question.flags = CJ_PROGRESS;
  cj_answer* answer = nullptr;
  REQUIRE(cj_changes(journal.get(), &question, &answer) == 0);
  CHECK(cj_answer_crawl(answer) == nullptr);
  const cj_change* change = nullptr;
  REQUIRE(cj_answer_next(answer, &change) == CJ_CRAWL);
  const cj_crawl* told = cj_answer_crawl(answer);
  const std::vector<std::int64_t> members = {told->running,    told->directories, told->entries,
                                             told->expected,   told->changed,     told->completed,
                                             told->start_usec, told->took_usec,   told->unreadable};
  CHECK(members == std::vector<std::int64_t>{1, 1, 2, 3, 4, 5, 6, 7, 8});
  REQUIRE(cj_answer_next(answer, &change) == CJ_CRAWL);
  told = cj_answer_crawl(answer);
  CHECK((told->running == 0 && told->completed == 6));
  CHECK((told->expected == 0 && told->start_usec == 0 && told->unreadable == 0));
  CHECK(cj_answer_next(answer, &change) == CJ_END);
  cj_answer_close(answer);
}

TEST_CASE("library: where consumers stand and what is kept") {
  const json live = {{"name", "live"},     {"token", "t"},           {"sequence", 1},
                     {"waiting", 2},       {"waiting_bytes", 3},     {"lag_usec", 4},
                     {"added_usec", 5},    {"acknowledged_usec", 6}, {"max_lag_usec", 7},
                     {"max_lag_bytes", 8}, {"config_hash", "h"},     {"paths", {"/a b"}}};
  const json expired = {{"name", "old"},   {"token", "s"},       {"sequence", 0},
                        {"waiting", 0},    {"waiting_bytes", 0}, {"lag_usec", 0},
                        {"added_usec", 5}, {"expired", "why"},   {"expired_usec", 9}};
  FakeDaemon daemon({{"ListConsumers",
                      {Reply({{"consumers", {live, expired}},
                              {"oldest", "o"},
                              {"newest", "n"},
                              {"first_sequence", 10},
                              {"next_sequence", 11}})},
                      {},
                      false}});
  const Journal journal = ConnectTo(daemon);
  cj_consumers* list = nullptr;
  REQUIRE(cj_consumers_list(journal.get(), &list) == 0);
  REQUIRE(cj_consumers_count(list) == 2);
  const cj_consumer& first = *cj_consumers_get(list, 0);
  const std::vector<std::int64_t> members = {
      first.sequence,   first.waiting,           first.waiting_bytes, first.lag_usec,
      first.added_usec, first.acknowledged_usec, first.max_lag_usec,  first.max_lag_bytes};
  CHECK(members == std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(std::string(first.config_hash) == "h");
  CHECK((first.path_count == 1 && std::string(first.paths[0], first.path_lengths[0]) == "/a b"));
  CHECK((std::string(first.expired).empty() && first.expired_usec == 0));
  const cj_consumer& second = *cj_consumers_get(list, 1);
  CHECK((std::string(second.expired) == "why" && second.expired_usec == 9));
  CHECK((second.max_lag_usec == 0 && second.max_lag_bytes == 0 && second.path_count == 0));
  CHECK(cj_consumers_get(list, 2) == nullptr);
  const cj_kept& kept = *cj_consumers_kept(list);
  CHECK((std::string(kept.oldest) == "o" && std::string(kept.newest) == "n"));
  CHECK((kept.first_sequence == 10 && kept.next_sequence == 11));
  CHECK(cj_consumers_kept(nullptr) == nullptr);
  cj_consumers_close(list);
}

TEST_CASE("library: what the daemon said with an error") {
  const json said = {{"reason", "no more room"}};
  FakeDaemon daemon({{"Checkpoint", {ErrorReply("org.changejournal.Busy", said)}, {}, false}});
  const Journal journal = ConnectTo(daemon);
  const cj_error* error = cj_last_error(journal.get());
  CHECK(std::string(cj_error_parameters(error)) == "{}");
  const char* token = nullptr;
  REQUIRE(cj_checkpoint(journal.get(), nullptr, &token) == -EBUSY);
  CHECK(json::parse(cj_error_parameters(error)) == said);
  REQUIRE(cj_checkpoint(journal.get(), "\xff", &token) == -EINVAL);  // not the daemon's
  CHECK(std::string(cj_error_parameters(error)) == "{}");
  CHECK(std::string(cj_error_parameters(nullptr)) == "{}");
}

TEST_CASE("library: each error of the daemon has its number") {
  const struct {
    std::string name;
    int code;
  } errors[] = {{"org.changejournal.RescanNeeded", -ESTALE},
                {"org.changejournal.NoSuchConsumer", -ENOENT},
                {"org.changejournal.Busy", -EBUSY},
                {"org.changejournal.Failed", -EIO},
                {"org.changejournal.OfALaterDaemon", -EIO},
                {"org.varlink.service.InvalidParameter", -EINVAL},
                {"org.varlink.service.PermissionDenied", -EACCES},
                {"org.varlink.service.MethodNotFound", -EOPNOTSUPP},
                {"org.varlink.service.InterfaceNotFound", -EOPNOTSUPP},
                {"org.varlink.service.MethodNotImplemented", -EOPNOTSUPP},
                {"org.varlink.service.ExpectedMore", -EOPNOTSUPP}};
  std::vector<Scene> script;
  for (const auto& error : errors) {
    script.push_back(
        {"Checkpoint", {ErrorReply(error.name, {{"next", "n"}, {"reason", "x"}})}, {}, false});
  }
  FakeDaemon daemon(std::move(script));
  const Journal journal = ConnectTo(daemon);
  for (const auto& error : errors) {
    CAPTURE(error.name);
    const char* token = nullptr;
    CHECK(cj_checkpoint(journal.get(), nullptr, &token) == error.code);
    const cj_error* told = cj_last_error(journal.get());
    CHECK((cj_error_code(told) == error.code && error.name == cj_error_name(told)));
    CHECK(std::string(cj_error_text(told)).find("x") != std::string::npos);
    CHECK(std::string(cj_error_next(told)) == "n");
  }
}

TEST_CASE("library: the descriptor of a reply is the caller's once") {
  FakeDaemon daemon({{"ChangePaths",
                      {Reply({{"pipe", 0}}, true), SummaryReply(1, "n")},
                      std::string("/a\0", 3),
                      false}});
  const Journal journal = ConnectTo(daemon);
  cj_replies* replies = nullptr;
  const char* reply = nullptr;
  REQUIRE(cj_call_more(journal.get(), "ChangePaths", R"({"since":{"token":"t"}})", &replies) == 0);
  CHECK(cj_replies_take_fd(replies) == -1);
  REQUIRE(cj_replies_next(replies, &reply) == 1);
  const UniqueFd pipe(cj_replies_take_fd(replies));
  REQUIRE(pipe.get() >= 0);
  CHECK((::fcntl(pipe.get(), F_GETFD) & FD_CLOEXEC) != 0);
  CHECK(cj_replies_take_fd(replies) == -1);
  REQUIRE(cj_replies_next(replies, &reply) == 1);
  CHECK(json::parse(reply).contains("summary"));
  CHECK(cj_replies_take_fd(replies) == -1);
  CHECK(cj_replies_next(replies, &reply) == 0);
  CHECK(cj_replies_take_fd(nullptr) == -1);
  cj_replies_close(replies);
  std::array<char, 16> buffer{};
  CHECK(::read(pipe.get(), buffer.data(), buffer.size()) == 3);
}

TEST_CASE("library: what is open when its connection is made anew says so from then on") {
  FakeDaemon daemon({{"Changes", {Reply({{"changes", {Created("/a")}}}, true)}, {}, false},
                     {"Log", {Reply({{"records", json::array()}}, true)}, {}, false},
                     {"Crawl", {Reply({{"crawl", json::object()}}, true)}, {}, false}});
  const Journal journal = ConnectTo(daemon);
  const cj_question question = Since("t");
  cj_answer* answer = nullptr;
  const cj_change* change = nullptr;
  REQUIRE(cj_changes(journal.get(), &question, &answer) == 0);
  REQUIRE(cj_answer_next(answer, &change) == CJ_CHANGE);
  REQUIRE(cj_connect(journal.get(), daemon.socket().c_str()) == 0);
  cj_log* log = nullptr;
  const cj_record* record = nullptr;
  const cj_gap* gap = nullptr;
  REQUIRE(cj_log_open(journal.get(), &question, &log) == 0);
  REQUIRE(cj_connect(journal.get(), daemon.socket().c_str()) == 0);
  cj_replies* replies = nullptr;
  const char* reply = nullptr;
  REQUIRE(cj_call_more(journal.get(), "Crawl", nullptr, &replies) == 0);
  REQUIRE(cj_replies_next(replies, &reply) == 1);
  REQUIRE(cj_connect(journal.get(), daemon.socket().c_str()) == 0);
  for (int time : {1, 2}) {
    CAPTURE(time);
    CHECK(cj_answer_next(answer, &change) == -ENOTCONN);
    CHECK(cj_log_next(log, &record, &gap) == -ENOTCONN);
    CHECK(cj_replies_next(replies, &reply) == -ENOTCONN);  // 0 would be: all have come
  }
  CHECK(cj_answer_summary(answer) == nullptr);
  cj_answer_close(answer);
  cj_log_close(log);
  cj_replies_close(replies);
}

TEST_CASE("library: a log that is followed tells a gap once") {
  // As many as it remembers, and one more.
  constexpr int kGaps = 1001;
  const json position = {{"token", "t"}, {"sequence", 1}};
  auto reply = [&](int first, int last) {
    json gaps = json::array();
    for (int i = first; i <= last; ++i) {
      gaps.push_back({{"from_usec", i}, {"to_usec", i + 1}, {"cause", "c"}});
    }
    return Reply({{"records", json::array()}, {"gaps", gaps}, {"position", position}}, true);
  };
  FakeDaemon daemon({{"Log", {reply(1, kGaps - 1)}, {}, true},
                     {"Log", {reply(1, kGaps - 1), reply(kGaps, kGaps)}, {}, true},
                     {"Log", {reply(1, kGaps)}, {}, true}});
  const Journal journal = ConnectTo(daemon);
  cj_question question = Since("t");
  question.flags = CJ_FOLLOW;
  cj_log* log = nullptr;
  const cj_record* record = nullptr;
  const cj_gap* gap = nullptr;
  REQUIRE(cj_log_open(journal.get(), &question, &log) == 0);
  auto told = [&] {
    std::vector<std::int64_t> from;
    for (;;) {
      const int result = cj_log_next(log, &record, &gap);
      if (result != 1) {
        CHECK(result == -ECONNRESET);
        return from;
      }
      // Neither: it goes on.
      from.push_back(gap == nullptr ? 0 : gap->from_usec);
      CHECK(record == nullptr);
    }
  };
  const auto first = told();
  CHECK(first.size() == kGaps - 1);
  CHECK(first.back() == kGaps - 1);
  CHECK(told() == std::vector<std::int64_t>{0, kGaps});
  // The oldest of more than it remembers.
  CHECK(told() == std::vector<std::int64_t>{1});
  cj_log_close(log);
}

TEST_CASE("library: a log that is followed begins anew where nothing has come yet") {
  FakeDaemon daemon(
      {{"Log", {}, {}, true}, {"Log", {Reply({{"records", json::array()}})}, {}, false}});
  const Journal journal = ConnectTo(daemon);
  cj_question question = Since("t");
  const std::int64_t lines = 10;
  question.flags = CJ_FOLLOW;
  question.lines = &lines;
  cj_log* log = nullptr;
  REQUIRE(cj_log_open(journal.get(), &question, &log) == 0);
  const cj_record* record = nullptr;
  const cj_gap* gap = nullptr;
  CHECK(cj_log_next(log, &record, &gap) == -ECONNRESET);
  CHECK(cj_log_next(log, &record, &gap) == 1);
  CHECK((record == nullptr && gap == nullptr));
  CHECK(cj_log_next(log, &record, &gap) == 0);
  REQUIRE(daemon.calls().size() == 2);
  CHECK(daemon.calls()[1] == daemon.calls()[0]);
  cj_log_close(log);
}

TEST_CASE("library: different handles in different threads") {
  constexpr int kThreads = 8;
  constexpr int kRounds = 50;
  std::deque<FakeDaemon> daemons;
  for (int i = 0; i < kThreads; ++i) {
    const std::string own = std::to_string(i);
    std::vector<Scene> script;
    for (int round = 0; round < kRounds; ++round) {
      script.push_back({"Changes",
                        {Reply({{"changes", {Created("/" + own)}}}, true), SummaryReply(1, own)},
                        {},
                        false});
      script.push_back(
          {"Checkpoint", {ErrorReply("org.changejournal.Busy", {{"reason", own}})}, {}, false});
    }
    daemons.emplace_back(std::move(script));
  }
  // What one of them hears is what its own daemon says, errors as well.
  auto round_is_good = [](cj_connection* journal, const std::string& own) {
    const cj_question question = Since("t");
    cj_answer* answer = nullptr;
    const cj_change* change = nullptr;
    if (cj_changes(journal, &question, &answer) != 0) return false;
    bool good = cj_answer_next(answer, &change) == CJ_CHANGE && change->path == "/" + own;
    good =
        good && cj_answer_next(answer, &change) == CJ_END && cj_answer_summary(answer)->next == own;
    cj_answer_close(answer);
    const char* token = nullptr;
    return good && cj_checkpoint(journal, nullptr, &token) == -EBUSY &&
           json::parse(cj_error_parameters(cj_last_error(journal))) == json{{"reason", own}};
  };
  std::atomic<int> good_rounds = 0;
  std::atomic<bool> go = false;
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      go.wait(false);
      cj_connection* journal = cj_new();
      const bool connected = cj_connect(journal, daemons.at(i).socket().c_str()) == 0;
      for (int round = 0; connected && round < kRounds; ++round) {
        good_rounds += round_is_good(journal, std::to_string(i)) ? 1 : 0;
      }
      cj_close(journal);
    });
  }
  go = true;
  go.notify_all();
  for (std::thread& thread : threads) thread.join();
  CHECK(good_rounds == kThreads * kRounds);
}
