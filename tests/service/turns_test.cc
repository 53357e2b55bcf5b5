// Whose turn it is.
#include "service/turns.h"

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

constexpr uid_t kHog = 1000;
constexpr uid_t kAlice = 1001;
constexpr uid_t kBob = 1002;

// Pieces of work, by name, each of which lasts until it is said to be done.
class Pieces {
 public:
  explicit Pieces(TurnsLimit limit) : turns_(io_, limit) {}
  ~Pieces() {
    for (auto& [name, gone] : gone_) gone.emit(asio::cancellation_type::terminal);
    Settle();
  }

  void Ask(const std::string& name, uid_t uid) {
    auto ended = [](const std::exception_ptr&) {};
    auto handler = asio::bind_cancellation_slot(gone_[name].slot(), ended);
    asio::co_spawn(io_, Hold(name, uid), handler);
    Settle();
  }
  void End(const std::string& name) {
    held_.erase(name);
    Settle();
  }
  void Go(const std::string& name) {
    gone_[name].emit(asio::cancellation_type::terminal);
    Settle();
  }
  // Those that have begun since the last look, in their order.
  std::vector<std::string> Begun() { return std::exchange(begun_, {}); }
  std::size_t taken() const { return turns_.taken(); }

 private:
  asio::awaitable<void> Hold(std::string name, uid_t uid) {
    auto turn = co_await turns_.Take(uid);
    begun_.push_back(name);
    held_[name] = std::make_unique<Turns::Turn>(std::move(turn));
  }
  void Settle() {
    io_.restart();
    io_.poll();
  }

  asio::io_context io_;
  Turns turns_;
  std::map<std::string, asio::cancellation_signal> gone_;
  std::map<std::string, std::unique_ptr<Turns::Turn>> held_;
  std::vector<std::string> begun_;
};

using Names = std::vector<std::string>;

TEST_CASE("one user's many pieces leave a turn for others") {
  Pieces pieces({3, 2});
  for (int i = 0; i < 100; ++i) pieces.Ask("hog" + std::to_string(i), kHog);
  CHECK(pieces.Begun() == Names{"hog0", "hog1"});
  pieces.Ask("alice", kAlice);
  CHECK(pieces.Begun() == Names{"alice"});
  pieces.Ask("bob", kBob);
  CHECK(pieces.Begun().empty());
  pieces.End("hog0");
  CHECK(pieces.Begun() == Names{"bob"});  // not the 98 who asked before
  pieces.End("alice");
  CHECK(pieces.Begun() == Names{"hog2"});
}

TEST_CASE("users take turns, however many pieces each has") {
  Pieces pieces({1, 1});
  pieces.Ask("first", kBob);
  for (const char* name : {"h1", "h2", "h3"}) pieces.Ask(name, kHog);
  for (const char* name : {"a1", "a2"}) pieces.Ask(name, kAlice);
  pieces.Begun();
  for (const char* name : {"first", "h1", "a1", "h2", "a2", "h3"}) pieces.End(name);
  CHECK(pieces.Begun() == Names{"h1", "a1", "h2", "a2", "h3"});
  CHECK(pieces.taken() == 0);
}

TEST_CASE("who goes while he waits leaves the line") {
  Pieces pieces({1, 1});
  pieces.Ask("first", kBob);
  for (const char* name : {"h1", "h2"}) pieces.Ask(name, kHog);
  pieces.Ask("a1", kAlice);
  pieces.Begun();
  pieces.Go("h1");
  pieces.Go("a1");
  pieces.End("first");
  CHECK(pieces.Begun() == Names{"h2"});
  pieces.End("h2");
  CHECK(pieces.taken() == 0);
}

}  // namespace
}  // namespace cj
