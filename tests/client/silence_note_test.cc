// Who hears that no daemon takes calls.
#include "client/silence_note.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstring>
#include <filesystem>
#include <string>

using namespace cj;
using namespace cj::client;

namespace {

constexpr int kDeadlineMs = 60'000;
constexpr SilenceNote::Patience kShort = {std::chrono::milliseconds(1),
                                          std::chrono::milliseconds(50)};
constexpr SilenceNote::Patience kLong = {std::chrono::milliseconds(1), std::chrono::minutes(10)};

// A socket on which a test accepts and answers, or does not.
class Listener {
 public:
  Listener() {
    std::string pattern = std::filesystem::temp_directory_path() / "cj-note-XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    directory_ = pattern;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, path().c_str());
    fd_ = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    REQUIRE(::listen(fd_.get(), 8) == 0);
  }
  ~Listener() {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  std::string path() const { return directory_ + "/socket"; }
  UniqueFd Accept() const {
    pollfd one{fd_.get(), POLLIN, 0};
    REQUIRE(::poll(&one, 1, kDeadlineMs) == 1);
    return UniqueFd(::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }
  void Close() { fd_ = UniqueFd(); }

 private:
  std::string directory_;
  UniqueFd fd_;
};

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    read = UniqueFd(ends[0]);
    write = UniqueFd(ends[1]);
  }
  // Up to the end of what has been written; waits for the first.
  std::string Await() const {
    pollfd one{read.get(), POLLIN, 0};
    REQUIRE(::poll(&one, 1, kDeadlineMs) == 1);
    std::array<char, 1024> text{};
    return {text.data(), static_cast<std::size_t>(::read(read.get(), text.data(), text.size()))};
  }
  bool empty() const {
    pollfd one{read.get(), POLLIN, 0};
    return ::poll(&one, 1, 0) == 0;
  }
  UniqueFd read, write;
};

}  // namespace

TEST_CASE("silence: where nobody takes calls that is said") {
  const Listener listener;
  const Pipe said;
  const SilenceNote note(listener.path(), kShort, said.write.get());
  CHECK(said.Await().find("changectl: the daemon does not answer; 'systemctl status") == 0);
}

TEST_CASE("silence: where the socket is gone that is said") {
  Listener listener;
  listener.Close();
  const Pipe said;
  const SilenceNote note(listener.path(), kShort, said.write.get());
  CHECK(said.Await().find("does not answer") != std::string::npos);
}

TEST_CASE("silence: whoever answers, or hangs up, is there") {
  const bool answers = GENERATE(true, false);
  const Listener listener;
  const Pipe said;
  {
    const SilenceNote note(listener.path(), kLong, said.write.get());
    const UniqueFd asked = listener.Accept();
    std::array<char, 256> call{};
    REQUIRE(::recv(asked.get(), call.data(), call.size(), 0) > 0);
    CHECK(std::string(call.data()) == R"({"method":"org.varlink.service.GetInfo"})");
    if (answers) REQUIRE(::send(asked.get(), "{}", 3, MSG_NOSIGNAL) == 3);
  }
  CHECK(said.empty());
}

TEST_CASE("silence: its end is waited for by nobody") {
  const Listener listener;
  const Pipe said;
  {
    const SilenceNote note(listener.path(), kLong, said.write.get());
    const UniqueFd asked = listener.Accept();  // it waits for the answer, for ten minutes
    const SilenceNote early(listener.path(), {std::chrono::minutes(10), {}}, said.write.get());
  }
  CHECK(said.empty());
}
