// Who gets a place among the answers, and when.
#include "service/answer_places.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <catch2/catch.hpp>
#include <memory>
#include <string>
#include <vector>

namespace cj {
namespace {

namespace asio = boost::asio;

constexpr uid_t kAlice = 1000;
constexpr uid_t kBob = 1001;

// Clients that ask for places, by name, and hold those they get.
class Clients {
 public:
  explicit Clients(AnswerPlacesLimit limit) : places_(io_, limit) {}

  // The places outlive whoever waits for one.
  ~Clients() {
    for (auto& [name, gone] : gone_) gone.emit(asio::cancellation_type::terminal);
    Settle();
  }

  void Ask(const std::string& name, uid_t uid) {
    auto& gone = gone_[name];
    auto handler = asio::bind_cancellation_slot(gone.slot(), asio::detached);
    asio::co_spawn(io_, Hold(name, uid), handler);
    Settle();
  }
  void Leave(const std::string& name) {
    held_.erase(name);
    Settle();
  }
  // Before whoever waits for their places can run.
  void LeaveTogether(const std::vector<std::string>& names) {
    for (const std::string& name : names) held_.erase(name);
  }
  void Go(const std::string& name) {
    gone_[name].emit(asio::cancellation_type::terminal);
    Settle();
  }
  // Until nobody waits any more: all have been given a place, or have lost patience.
  void RunOut() {
    io_.restart();
    io_.run();
  }
  const std::vector<std::string>& got() const { return got_; }
  const std::vector<std::string>& refused() const { return refused_; }
  std::size_t taken() const { return places_.taken(); }

 private:
  asio::awaitable<void> Hold(std::string name, uid_t uid) {
    auto place = co_await places_.Take(uid);
    if (!place.has_value()) {
      CHECK(place.error().code == ErrorCode::kBusy);
      refused_.push_back(name);
      co_return;
    }
    got_.push_back(name);
    held_[name] = std::make_unique<AnswerPlaces::Place>(std::move(*place));
  }
  void Settle() {
    io_.restart();
    io_.poll();
  }

  asio::io_context io_;
  AnswerPlaces places_;
  std::map<std::string, asio::cancellation_signal> gone_;
  std::map<std::string, std::unique_ptr<AnswerPlaces::Place>> held_;
  std::vector<std::string> got_;
  std::vector<std::string> refused_;
};

using Names = std::vector<std::string>;

AnswerPlacesLimit Limit(std::size_t answers, std::size_t per_uid) {
  AnswerPlacesLimit limit;
  limit.answers = answers;
  limit.answers_per_uid = per_uid;
  limit.reserved_for_root = 0;
  return limit;
}

}  // namespace

TEST_CASE("who finds no place waits in line") {
  Clients clients(Limit(2, 2));
  for (const char* name : {"a", "b", "c", "d"}) clients.Ask(name, kAlice);
  CHECK(clients.got() == Names{"a", "b"});
  clients.Leave("a");
  CHECK(clients.got() == Names{"a", "b", "c"});
  clients.Leave("b");
  clients.Leave("c");
  CHECK(clients.got() == Names{"a", "b", "c", "d"});
  clients.Leave("d");
  CHECK(clients.taken() == 0);
  CHECK(clients.refused().empty());
}

TEST_CASE("a user who has all that he may have holds nobody else up") {
  Clients clients(Limit(3, 2));
  for (const char* name : {"a1", "a2", "a3"}) clients.Ask(name, kAlice);
  clients.Ask("b", kBob);
  CHECK(clients.got() == Names{"a1", "a2", "b"});
  clients.Leave("b");  // there is room, but not for Alice
  CHECK(clients.got() == Names{"a1", "a2", "b"});
  clients.Leave("a1");
  CHECK(clients.got() == Names{"a1", "a2", "b", "a3"});
}

TEST_CASE("nobody overtakes another client of the same user") {
  Clients clients(Limit(2, 1));
  clients.Ask("a1", kAlice);
  clients.Ask("a2", kAlice);
  clients.Leave("a1");
  clients.Ask("a3", kAlice);
  CHECK(clients.got() == Names{"a1", "a2"});
}

TEST_CASE("one that comes while another is being given a place takes what is left") {
  Clients clients(Limit(2, 2));
  for (const char* name : {"a", "b", "c"}) clients.Ask(name, kAlice);
  clients.LeaveTogether({"a", "b"});
  clients.Ask("d", kAlice);
  CHECK(clients.got() == Names{"a", "b", "c", "d"});
}

TEST_CASE("a client that goes leaves the line, with a place that it was just given as well") {
  Clients clients(Limit(1, 1));
  for (const char* name : {"a", "b", "c"}) clients.Ask(name, kAlice);
  clients.Go("b");
  clients.Leave("a");
  CHECK(clients.got() == Names{"a", "c"});
  clients.Leave("c");
  CHECK(clients.taken() == 0);
}

TEST_CASE("the last places are for root") {
  AnswerPlacesLimit limit = Limit(4, 3);
  limit.reserved_for_root = 1;
  Clients clients(limit);
  for (const char* name : {"a1", "a2"}) clients.Ask(name, kAlice);
  for (const char* name : {"b1", "b2"}) clients.Ask(name, kBob);
  CHECK(clients.got() == Names{"a1", "a2", "b1"});
  clients.Ask("root", 0);
  CHECK(clients.got() == Names{"a1", "a2", "b1", "root"});
  clients.Leave("root");  // that is no place for Bob
  CHECK(clients.got().size() == 4);
  clients.Leave("a1");
  CHECK(clients.got() == Names{"a1", "a2", "b1", "root", "b2"});
}

TEST_CASE("patience ends") {
  AnswerPlacesLimit limit = Limit(1, 1);
  limit.patience = std::chrono::milliseconds(20);
  Clients clients(limit);
  clients.Ask("a", kAlice);
  clients.Ask("b", kAlice);
  clients.RunOut();
  CHECK(clients.refused() == Names{"b"});
  clients.Leave("a");
  clients.Ask("c", kAlice);
  CHECK(clients.got() == Names{"a", "c"});
}

}  // namespace cj
