// What callers may get wrong costs them a result, never more. Under AddressSanitizer: nor memory.
#include <catch2/catch.hpp>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "library/changejournal.h"
#include "tests/client/fake_daemon.h"

using namespace cj;
using nlohmann::json;

namespace {

cj_question Since(const char* token) {
  cj_question question{};
  question.size = sizeof(question);
  question.since_token = token;
  return question;
}

}  // namespace

TEST_CASE("library: no handle is an error of every function") {
  const char* text = nullptr;
  cj_answer* answer = nullptr;
  cj_feed* feed = nullptr;
  const cj_question question = Since("t");
  CHECK(cj_connect(nullptr, nullptr) == -EINVAL);
  CHECK(cj_call(nullptr, "GetStatus", nullptr, &text) == -EINVAL);
  CHECK(cj_changes(nullptr, &question, &answer) == -EINVAL);
  CHECK(cj_answer_next(nullptr, nullptr) == -EINVAL);
  CHECK(cj_feed_open(nullptr, &question, &feed) == -EINVAL);
  CHECK(cj_feed_put(nullptr, nullptr) == -EINVAL);
  CHECK(cj_buffer_record(nullptr, 0) == nullptr);
  CHECK(cj_error_code(cj_last_error(nullptr)) == -EINVAL);
  CHECK(std::strlen(cj_error_text(nullptr)) > 0);
  cj_answer_close(nullptr);
  cj_log_close(nullptr);
  cj_feed_close(nullptr);
  cj_close(nullptr);
}

TEST_CASE("library: arguments that are wrong reach nobody") {
  FakeDaemon daemon({});
  cj_connection* journal = cj_new();
  REQUIRE(cj_connect(journal, daemon.socket().c_str()) == 0);
  cj_answer* answer = nullptr;
  cj_question question = Since("t");
  for (std::size_t size : {std::size_t{0}, sizeof(question) - 8, std::size_t{1} << 40}) {
    question.size = size;
    CHECK(cj_changes(journal, &question, &answer) == -EINVAL);
    CHECK(std::string(cj_error_text(cj_last_error(journal))).find("size") != std::string::npos);
  }
  question.size = sizeof(question);
  CHECK(cj_changes(journal, nullptr, &answer) == -EINVAL);
  CHECK(cj_changes(journal, &question, nullptr) == -EINVAL);
  const char* paths[] = {"/a", nullptr};
  question.paths = paths;
  question.path_count = 2;
  CHECK(cj_changes(journal, &question, &answer) == -EINVAL);
  const char* text = nullptr;
  for (const char* parameters : {"[]", "{", "7", "\xff", ""}) {
    CHECK(cj_call(journal, "GetStatus", parameters, &text) == -EINVAL);
  }
  const std::string deep = std::string(100'000, '[');
  CHECK(cj_call(journal, "GetStatus", deep.c_str(), &text) == -EINVAL);
  CHECK(cj_call(journal, nullptr, nullptr, &text) == -EINVAL);
  CHECK(cj_checkpoint(journal, "\xff", &text) == -EINVAL);
  CHECK(cj_acknowledge(journal, nullptr, "t", nullptr, nullptr) == -EINVAL);
  CHECK(cj_consumer_add(journal, nullptr, &text) == -EINVAL);
  CHECK(daemon.calls().empty());
  cj_close(journal);
}

TEST_CASE("library: a larger struct of a later version is taken while what it adds is zero") {
  struct Later {
    cj_question question;
    void* added;
  };
  FakeDaemon daemon({{"Changes", {SummaryReply(0, "n")}, {}, false}});
  cj_connection* journal = cj_new();
  REQUIRE(cj_connect(journal, daemon.socket().c_str()) == 0);
  Later later{};
  later.question = Since("t");
  later.question.size = sizeof(later);
  later.added = &later;
  cj_answer* answer = nullptr;
  CHECK(cj_changes(journal, &later.question, &answer) == -EINVAL);
  later.added = nullptr;
  REQUIRE(cj_changes(journal, &later.question, &answer) == 0);
  const cj_change* change = nullptr;
  CHECK(cj_answer_next(answer, &change) == CJ_END);
  CHECK(std::string(cj_answer_summary(answer)->next) == "n");
  cj_answer_close(answer);
  cj_close(journal);
}

TEST_CASE("library: nothing passes for whole which is not") {
  const json change = {{"change", "created"}, {"path_base64", "L/8="}, {"type", "file"}};
  FakeDaemon daemon(
      {{"Changes", {Reply({{"changes", {change}}})}, {}, false},
       {"Changes", {Reply({{"changes", {change}}}, true), SummaryReply(2, "n")}, {}, false},
       {"Changes", {Reply({{"changes", {7}}})}, {}, false}});
  cj_connection* journal = cj_new();
  REQUIRE(cj_connect(journal, daemon.socket().c_str()) == 0);
  const cj_question question = Since("t");
  for (int expected : {-ENODATA, -EPROTO, -EPROTO}) {
    cj_answer* answer = nullptr;
    REQUIRE(cj_changes(journal, &question, &answer) == 0);
    const cj_change* told = nullptr;
    int result = 0;
    while ((result = cj_answer_next(answer, &told)) == CJ_CHANGE) {
      CHECK(std::string(told->path, told->path_length) == "/\xff");
      CHECK(told->type == CJ_FILE);
    }
    CHECK(result == expected);
    CHECK(cj_answer_next(answer, &told) == expected);
    CHECK(cj_answer_summary(answer) == nullptr);
    cj_answer_close(answer);
  }
  cj_close(journal);
}

TEST_CASE("library: a feed asks again from behind what was read") {
  auto told = [](int sequence) {
    const json record = {{"sequence", sequence}, {"period", 1}, {"time_usec", 1},
                         {"volume", 1},          {"pid", 1},    {"operations", {"created", "new"}},
                         {"path", "/a"}};
    return Reply({{"records", {record}}, {"position", {{"token", "t"}, {"sequence", sequence}}}},
                 true);
  };
  const json begin =
      Reply({{"records", json::array()}, {"position", {{"token", "t"}, {"sequence", 1}}}}, true);
  FakeDaemon daemon({{"Follow", {begin, told(2)}, {}, true}, {"Follow", {told(3)}, {}, true}});
  cj_connection* journal = cj_new();
  REQUIRE(cj_connect(journal, daemon.socket().c_str()) == 0);
  cj_question question{};
  question.size = sizeof(question);
  cj_feed* feed = nullptr;
  REQUIRE(cj_feed_open(journal, &question, &feed) == 0);
  cj_buffer* buffer = nullptr;
  REQUIRE(cj_feed_read(feed, -1, &buffer) == 1);
  REQUIRE(cj_buffer_count(buffer) == 1);
  const cj_record* record = cj_buffer_record(buffer, 0);
  CHECK(record->operations == CJ_OP_CREATED);  // the other one is of a later daemon
  CHECK(std::string(record->operation_names[1]) == "new");
  CHECK(cj_buffer_record(buffer, 1) == nullptr);
  CHECK(cj_feed_read(feed, -1, &buffer) == -ECONNRESET);
  REQUIRE(cj_feed_read(feed, -1, &buffer) == 1);
  CHECK(cj_buffer_record(buffer, 0)->sequence == 3);
  CHECK(daemon.calls().at(1)["parameters"] ==
        json({{"resume", {{"token", "t"}, {"sequence", 2}}}}));
  cj_feed_close(feed);  // and two buffers with it
  cj_close(journal);
}
