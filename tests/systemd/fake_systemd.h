// Pieces of a service manager for tests: environment variables that are put back, a datagram socket
// to be told through, and a child process for what must not happen to the test itself.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <optional>
#include <string>

#include "base/unique_fd.h"

namespace cj {

// Sets a variable (nullptr: removes it) for as long as it lives.
class ScopedVariable {
 public:
  ScopedVariable(std::string name, const char* value) : name_(std::move(name)) {
    if (const char* old = std::getenv(name_.c_str())) old_ = old;
    Set(value);
  }
  ~ScopedVariable() { Set(old_ ? old_->c_str() : nullptr); }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;

 private:
  void Set(const char* value) {
    if (value != nullptr) {
      ::setenv(name_.c_str(), value, 1);
    } else {
      ::unsetenv(name_.c_str());
    }
  }
  std::string name_;
  std::optional<std::string> old_;
};

// A bound AF_UNIX socket. The path must be shorter than sun_path.
inline UniqueFd BindUnix(const std::string& path, int type) {
  UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  REQUIRE(fd.valid());
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  REQUIRE(path.size() < sizeof(address.sun_path));
  std::memcpy(static_cast<char*>(address.sun_path), path.c_str(), path.size() + 1);
  REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0);
  return fd;
}

// The next datagram; it must be there already, since its sender has returned.
inline std::string ReceiveNow(int fd) {
  std::string text(65536, '\0');
  ssize_t got = ::recv(fd, text.data(), text.size(), MSG_DONTWAIT);
  if (got < 0) return "nothing was sent";
  text.resize(static_cast<std::size_t>(got));
  return text;
}

// Runs `body` in a child and gives its exit status; 255 when it died.
inline int InChild(const std::function<int()>& body) {
  pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  REQUIRE(child > 0);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

}  // namespace cj
