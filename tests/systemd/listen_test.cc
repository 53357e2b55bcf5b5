// Taking passed descriptors. They start at number 3, which is the test's own; hence the children.
#include "systemd/listen.h"

#include <fcntl.h>

#include <filesystem>
#include <vector>

#include "tests/systemd/fake_systemd.h"

using namespace cj;

namespace {

// In a child: puts copies of `fds` at 3, 4, ..., announces them, and runs `body`.
int WithPassed(const std::vector<int>& fds, const char* names, const std::function<int()>& body) {
  return InChild([&] {
    constexpr int kFirst = 3;
    constexpr int kOutOfTheWay = 100;
    std::vector<int> copies;
    for (int fd : fds) copies.push_back(::fcntl(fd, F_DUPFD, kOutOfTheWay));
    for (std::size_t i = 0; i < copies.size(); ++i) {
      ::dup2(copies[i], kFirst + static_cast<int>(i));
    }
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    ::setenv("LISTEN_FDS", std::to_string(fds.size()).c_str(), 1);
    if (names != nullptr) ::setenv("LISTEN_FDNAMES", names, 1);
    return body();
  });
}

class Sockets {
 public:
  Sockets() {
    std::string pattern = "/tmp/cj-listen-XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    directory_ = pattern;
    listener = BindUnix(directory_ + "/a", SOCK_STREAM);
    REQUIRE(::listen(listener.get(), 1) == 0);
    second = BindUnix(directory_ + "/b", SOCK_STREAM);
    REQUIRE(::listen(second.get(), 1) == 0);
    not_listening = BindUnix(directory_ + "/c", SOCK_STREAM);
    datagram = BindUnix(directory_ + "/d", SOCK_DGRAM);
  }
  ~Sockets() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  Sockets(const Sockets&) = delete;
  Sockets& operator=(const Sockets&) = delete;
  UniqueFd listener, second, not_listening, datagram;

 private:
  std::string directory_;
};

constexpr int kAllTrue = 42;

}  // namespace

TEST_CASE("listen: nothing passed, nothing taken") {
  CHECK(InChild([] {
          ::unsetenv("LISTEN_FDS");
          auto passed = TakePassedFds();
          return passed && !passed->listener.valid() && passed->others.empty() ? kAllTrue : 1;
        }) == kAllTrue);
}

TEST_CASE("listen: the listening socket is found among others") {
  Sockets sockets;
  const std::vector<int> fds = {sockets.datagram.get(), sockets.not_listening.get(),
                                sockets.listener.get()};
  CHECK(WithPassed(fds, "spool:group-a:changejournald.socket", [] {
          auto passed = TakePassedFds();
          if (!passed) return 1;
          if (passed->listener.get() != 5) return 2;
          if ((::fcntl(5, F_GETFD) & FD_CLOEXEC) == 0) return 3;
          if ((::fcntl(5, F_GETFL) & O_NONBLOCK) == 0) return 4;
          if (passed->others.size() != 2) return 5;
          if (passed->others[0].name != "spool" || passed->others[0].fd.get() != 3) return 6;
          if (passed->others[1].name != "group-a" || passed->others[1].fd.get() != 4) return 7;
          if (std::getenv("LISTEN_FDS") != nullptr) return 8;
          return kAllTrue;
        }) == kAllTrue);
}

TEST_CASE("listen: two listening sockets are refused, and closed") {
  Sockets sockets;
  CHECK(WithPassed({sockets.listener.get(), sockets.second.get()}, nullptr, [] {
          auto passed = TakePassedFds();
          if (passed) return 1;
          if (passed.error().message.find("more than one listening socket") == std::string::npos) {
            return 2;
          }
          if (::fcntl(3, F_GETFD) != -1 || ::fcntl(4, F_GETFD) != -1) return 3;
          return kAllTrue;
        }) == kAllTrue);
}

TEST_CASE("listen: descriptors meant for another process are not ours") {
  Sockets sockets;
  CHECK(WithPassed({sockets.listener.get()}, nullptr, [] {
          ::setenv("LISTEN_PID", "1", 1);
          auto passed = TakePassedFds();
          return passed && !passed->listener.valid() ? kAllTrue : 1;
        }) == kAllTrue);
}

TEST_CASE("listen: an announcement that is no number is an error") {
  CHECK(InChild([] {
          ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
          ::setenv("LISTEN_FDS", "many", 1);
          return TakePassedFds() ? 1 : kAllTrue;
        }) == kAllTrue);
}
