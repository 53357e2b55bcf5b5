// The methods' own limits, over a socket and with a real journal: what a client that does not read
// costs, and what parameters may say.
#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <catch2/catch.hpp>
#include <future>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "journal/consumer.h"
#include "journal_fixture.h"
#include "protocol/client_connection.h"
#include "service/journal_interface.h"
#include "service/varlink/listener.h"
#include "tests/varlink/test_server.h"

namespace cj {
namespace {

using nlohmann::json;
using test::Eventually;
using test::RawClient;
namespace asio = boost::asio;

constexpr std::chrono::milliseconds kSoon{60};

// A journal as the daemon serves it, with limits of the test's own.
class ServedJournal {
 public:
  explicit ServedJournal(AnswerLimit limit) : journal_("tmpfs") {
    if (!journal_.usable()) return;
    interface_.emplace(io_, pool_, journal_.service(), AccessControl(std::nullopt), limit);
    auto note = [this](const std::string& line) {
      const std::lock_guard lock(mutex_);
      log_ += line + "\n";
    };
    server_.emplace(io_, ServiceInfo{"v", "p", "1", "u"}, Limits(), note);
    server_->AddInterface(JournalInterface::Name(), JournalInterface::Idl(), interface_->Methods());
    server_->Serve(ListenUnix(socket(), 0600).value());
    thread_ = std::thread([this] { io_.run(); });
  }
  ~ServedJournal() {
    if (!thread_.joinable()) return;
    std::promise<void> stopped;
    asio::co_spawn(io_, server_->Stop(std::chrono::milliseconds(0)),
                   [&](const std::exception_ptr&) { stopped.set_value(); });
    stopped.get_future().wait();
    io_.stop();
    thread_.join();
    server_.reset();
    pool_.join();
    io_.restart();
    while (io_.poll() > 0) {
    }
  }
  ServedJournal(const ServedJournal&) = delete;
  ServedJournal& operator=(const ServedJournal&) = delete;

  TestJournal& journal() { return journal_; }
  std::string socket() const { return directory_.path("socket"); }
  std::string log() {
    const std::lock_guard lock(mutex_);
    return log_;
  }
  // More than a socket's buffers take.
  void Fill() {
    const std::string directory = journal_.path(std::string(250, 'd'));
    MakeDirectory(directory);
    for (int i = 0; i < 4000; ++i) {
      WriteFile(directory + "/" + std::to_string(i) + std::string(200, 'f'), "x");
    }
  }

 private:
  TemporaryDirectory directory_;
  TestJournal journal_;
  asio::io_context io_{1};
  asio::thread_pool pool_{2};
  std::optional<JournalInterface> interface_;
  std::optional<VarlinkServer> server_;
  std::thread thread_;
  std::mutex mutex_;
  std::string log_;
};

std::string CallText(const std::string& method, const json& parameters) {
  const json call = {
      {"method", "org.changejournal." + method}, {"more", true}, {"parameters", parameters}};
  return call.dump();
}

TEST_CASE("a feed that nobody reads is cut off, and another slow reader is not") {
  AnswerLimit limit;
  limit.follow_stall = kSoon;
  ServedJournal served(limit);
  if (!served.journal().usable()) return;
  served.Fill();
  const json since = {{"since", {{"token", served.journal().token()}}}};
  RawClient reader(served.socket());
  REQUIRE(reader.SendMessage(CallText("Log", since)));
  RawClient follower(served.socket());
  REQUIRE(follower.SendMessage(CallText("Follow", since)));
  CHECK(Eventually(
      [&] { return served.log().find("has not read its replies in time") != std::string::npos; }));
  // What it has not read of the last reply is not there any more; what came whole says where to go
  // on.
  const auto first = follower.Read();
  REQUIRE(first.has_value());
  const json position = json::parse(*first)["parameters"]["position"];
  CHECK(follower.AtEnd());
  RawClient again(served.socket());
  REQUIRE(again.SendMessage(CallText("Follow", {{"resume", position}})));
  CHECK(again.Read().has_value());
  CHECK(reader.Read().has_value());
  CHECK_FALSE(json::parse(*reader.Read()).contains("error"));
}

TEST_CASE("a pipe that nobody reads ends the answer with an error") {
  AnswerLimit limit;
  limit.pipe_stall = kSoon;
  ServedJournal served(limit);
  if (!served.journal().usable()) return;
  served.Fill();
  auto connection = ClientConnection::Connect(served.socket());
  REQUIRE(connection.has_value());
  const json parameters = {{"since", {{"token", served.journal().token()}}}};
  REQUIRE(connection->CallMore("org.changejournal.ChangePaths", parameters).has_value());
  const auto pipe = connection->Next();
  REQUIRE(pipe.has_value());
  REQUIRE((*pipe)->fds.size() == 1);
  const auto end = connection->Next();
  REQUIRE(end.has_value());
  REQUIRE(end->has_value());
  CHECK((*end)->error == varlink_error::kBusy);
}

TEST_CASE("periods that do not fit into one reply come in several") {
  ServedJournal served({});
  if (!served.journal().usable()) return;
  // Each byte of a label is escaped in six: together more than four megabytes.
  constexpr int kPeriods = 700;
  for (int i = 0; i < kPeriods; ++i) {
    REQUIRE(served.journal().service().Checkpoint(std::string(1024, '\1')).has_value());
  }
  RawClient client(served.socket());
  REQUIRE(client.SendMessage(R"({"method":"org.changejournal.GetPeriods"})"));
  CHECK(json::parse(*client.Read())["error"] == varlink_error::kExpectedMore);
  REQUIRE(client.SendMessage(CallText("GetPeriods", json::object())));
  std::vector<std::string> tokens;
  int replies = 0;
  for (bool more = true; more; ++replies) {
    const json reply = json::parse(*client.Read());
    for (const json& period : reply.at("parameters").at("periods")) {
      tokens.push_back(period.at("token"));
    }
    more = reply.value("continues", false);
  }
  CHECK(replies > 4);
  std::vector<std::string> kept;
  for (const PeriodInfo& period : served.journal().service().Periods()) {
    kept.push_back(served.journal().service().TokenOf(period.id));
  }
  CHECK(kept.size() > kPeriods);
  CHECK(tokens == kept);
}

TEST_CASE("where a log that is followed goes on") {
  ServedJournal served(AnswerLimit{});
  if (!served.journal().usable()) return;
  JournalService& service = served.journal().service();
  const std::string token = service.TokenOf(service.OpenPeriodId());
  RawClient client(served.socket());
  auto ask = [&](const json& more) {
    json parameters = {{"follow", true}, {"resume", {{"token", token}, {"sequence", 0}}}};
    parameters.update(more, true);
    REQUIRE(client.SendMessage(CallText("Log", parameters)));
    return json::parse(*client.Read());
  };
  for (const json& bad :
       {json{{"follow", false}}, json{{"lines", 1}}, json{{"after_sequence", 1}},
        json{{"since", {{"token", token}}}}, json{{"resume", {{"sequence", 1 << 30}}}}}) {
    CAPTURE(bad.dump());
    CHECK(ask(bad)["error"] == varlink_error::kInvalidParameter);
  }
  const json foreign = {{"resume", {{"token", "cj1-00000000-1"}}}};
  CHECK(ask(foreign)["error"] == "org.changejournal.RescanNeeded");
  // Where it stands comes at once.
  const json first = ask(json::object());
  CHECK(first["continues"] == true);
  CHECK(first["parameters"]["records"].empty());
  CHECK(first["parameters"]["position"]["token"] == token);
}

TEST_CASE("what a parameter may say at the most") {
  AnswerLimit limit;
  limit.log_lines = 10;
  ServedJournal served(limit);
  if (!served.journal().usable()) return;
  const std::string root = served.journal().root();
  const auto times = [](std::size_t count, const std::string& path) {
    return json(std::vector<std::string>(count, path));
  };
  // As long as a path can be, of names that can be.
  const auto long_path = [&](std::size_t bytes) {
    std::string path = root;
    while (path.size() + 202 < bytes) path += "/" + std::string(200, 'n');
    return path + "/" + std::string(bytes - path.size() - 1, 'n');
  };
  const auto two_paths = [&](std::size_t bytes) {
    return json{{"name", "long"}, {"paths", {long_path(4000), long_path(bytes - 4000)}}};
  };
  const struct {
    const char* method;
    json good;
    json bad;
    const char* parameter;
  } rows[] = {
      {"Checkpoint",
       {{"label", std::string(1024, 'x')}},
       {{"label", std::string(1025, 'x')}},
       "label"},
      {"Log", {{"lines", 10}}, {{"lines", 11}}, "lines"},
      {"Follow", {{"paths", times(256, root)}}, {{"paths", times(257, root)}}, "paths"},
      {"Follow", {{"settle_usec", 60'000'000}}, {{"settle_usec", 60'000'001}}, "settle_usec"},
      {"AddConsumer",
       {{"name", "a"}, {"paths", times(kMaxConsumerPaths, root)}},
       {{"name", "b"}, {"paths", times(kMaxConsumerPaths + 1, root)}},
       "paths"},
      {"AddConsumer", two_paths(kMaxConsumerPathBytes), two_paths(kMaxConsumerPathBytes + 1),
       "paths"},
      {"AddConsumer",
       {{"name", "h"}, {"config_hash", std::string(kMaxConfigHash, 'h')}},
       {{"name", "i"}, {"config_hash", std::string(kMaxConfigHash + 1, 'h')}},
       "config_hash"},
      {"AddConsumer",
       {{"name", std::string(kMaxConsumerName, 'n')}},
       {{"name", std::string(kMaxConsumerName + 1, 'n')}},
       "name"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.method, row.parameter);
    RawClient client(served.socket());
    REQUIRE(client.SendMessage(CallText(row.method, row.bad)));
    const json refused = json::parse(*client.Read());
    CHECK(refused["error"] == varlink_error::kInvalidParameter);
    CHECK(refused["parameters"]["parameter"] == row.parameter);
    REQUIRE(client.SendMessage(CallText(row.method, row.good)));
    const json answered = json::parse(*client.Read());
    CHECK_FALSE(answered.contains("error"));
  }
}

}  // namespace
}  // namespace cj
