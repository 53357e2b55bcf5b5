// That no call takes longer than its connection's timeout, whatever the daemon does meanwhile.
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

#include "base/unique_fd.h"
#include "library/changejournal.h"

using namespace cj;

namespace {

// A daemon that tells again and again how far a log is, and of no record: for some seconds, much
// longer than what is waited for, or until its client goes.
class Chatterer {
 public:
  Chatterer() {
    std::string pattern = "/tmp/cj-chatterer-XXXXXX";
    directory_ = ::mkdtemp(pattern.data());
    listener_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket().copy(address.sun_path, sizeof(address.sun_path) - 1);
    REQUIRE(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    REQUIRE(::listen(listener_.get(), 1) == 0);
    thread_ = std::thread([this] { Serve(); });
  }
  ~Chatterer() {
    thread_.join();
    ::unlink(socket().c_str());
    ::rmdir(directory_.c_str());
  }
  Chatterer(const Chatterer&) = delete;
  Chatterer& operator=(const Chatterer&) = delete;
  std::string socket() const { return directory_ + "/socket"; }

 private:
  void Serve() const {
    const UniqueFd client(::accept(listener_.get(), nullptr, nullptr));
    const std::string position =
        R"({"continues":true,"parameters":{"records":[],"position":{"token":"t","sequence":1}}})";
    for (int i = 0; i < 1000; ++i) {
      const std::size_t size = position.size() + 1;  // with the zero that ends it
      if (::send(client.get(), position.c_str(), size, MSG_NOSIGNAL) < 0) return;
      pollfd gone{client.get(), POLLRDHUP, 0};
      if (::poll(&gone, 1, 10) > 0) return;
    }
  }

  std::string directory_;
  UniqueFd listener_;
  std::thread thread_;
};

}  // namespace

TEST_CASE("library: a log that is followed has one timeout however often it hears how far it is") {
  const Chatterer daemon;
  cj_connection* journal = cj_new();
  REQUIRE(cj_connect(journal, daemon.socket().c_str()) == 0);
  REQUIRE(cj_set_timeout(journal, 50) == 0);
  cj_question question{};
  question.size = sizeof(question);
  question.flags = CJ_FOLLOW;
  cj_log* log = nullptr;
  REQUIRE(cj_log_open(journal, &question, &log) == 0);
  const cj_record* record = nullptr;
  const cj_gap* gap = nullptr;
  CHECK(cj_log_next(log, &record, &gap) == -EAGAIN);  // else it ends with the daemon
  CHECK(cj_log_next(log, &record, &gap) == -EAGAIN);
  cj_log_close(log);
  cj_close(journal);
}
