#include "client/silence_note.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>

namespace cj::client {
namespace {

// With its NUL.
constexpr char kCall[] = R"({"method":"org.varlink.service.GetInfo"})";

// Not valid where the socket does not take a connection at once: so many wait already.
UniqueFd Connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) return UniqueFd();
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const auto* name = reinterpret_cast<const sockaddr*>(&address);
  if (!fd || ::connect(fd.get(), name, sizeof(address)) != 0) return UniqueFd();
  return fd;
}

}  // namespace

SilenceNote::SilenceNote(std::string socket) : SilenceNote(std::move(socket), {}, STDERR_FILENO) {}

SilenceNote::SilenceNote(std::string socket, Patience patience, int out)
    : socket_(std::move(socket)), patience_(patience), out_(out), end_(::eventfd(0, EFD_CLOEXEC)) {
  if (!end_) return;
  // Signals are for the thread that waits for the daemon: it is interrupted by them.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    thread_ = std::thread([this] { Run(); });
  } catch (const std::system_error&) {
    // No thread to be had: then nothing is said.
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

SilenceNote::~SilenceNote() {
  if (!thread_.joinable()) return;
  constexpr std::uint64_t kOne = 1;
  [[maybe_unused]] const ssize_t ignored = ::write(end_.get(), &kOne, sizeof(kOne));
  thread_.join();
}

// True when `fd` is ready; false when its time, or all of this, is over.
bool SilenceNote::Wait(int fd, short events, std::chrono::milliseconds patience) const {
  std::array<pollfd, 2> both = {{{end_.get(), POLLIN, 0}, {fd, events, 0}}};
  const int ready = ::poll(both.data(), both.size(), static_cast<int>(patience.count()));
  return ready > 0 && both[0].revents == 0;
}

// Whatever is said counts, also a refusal. So does a connection that is closed: somebody did that.
bool SilenceNote::Answers() const {
  const UniqueFd fd = Connect(socket_);
  if (!fd) return false;
  if (::send(fd.get(), kCall, sizeof(kCall), MSG_NOSIGNAL) != sizeof(kCall)) return true;
  return Wait(fd.get(), POLLIN, patience_.answer);
}

void SilenceNote::Run() const {
  constexpr std::string_view kText =
      "changectl: the daemon does not answer; 'systemctl status changejournald' says why. "
      "Waiting\n";
  pollfd end{end_.get(), POLLIN, 0};
  if (::poll(&end, 1, static_cast<int>(patience_.before.count())) != 0 || Answers()) return;
  if (::poll(&end, 1, 0) != 0) return;
  [[maybe_unused]] const ssize_t ignored = ::write(out_, kText.data(), kText.size());
}

}  // namespace cj::client
