#include "library/readiness.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <cerrno>
#include <cstdint>

namespace cj::library {

Status Readiness::Open() {
  UniqueFd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return ErrnoError(errno, "cannot make a descriptor to wait for");
  UniqueFd received(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!received) return ErrnoError(errno, "cannot make a descriptor to wait for");
  epoll_ = std::move(epoll);
  received_ = std::move(received);
  set_ = false;
  Status watched = Watch(received_.get());
  if (!watched) epoll_.reset();
  return watched;
}

Status Readiness::Watch(int socket) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLRDHUP;
  event.data.fd = socket;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket, &event) < 0 && errno != EEXIST) {
    return ErrnoError(errno, "cannot wait for a socket");
  }
  return {};
}

void Readiness::Set(bool received) {
  if (!is_open() || received == set_) return;
  std::uint64_t count = 1;
  // Neither can fail: the counter is 0 or 1.
  [[maybe_unused]] const ssize_t done = received ? ::write(received_.get(), &count, sizeof(count))
                                                 : ::read(received_.get(), &count, sizeof(count));
  set_ = received;
}

}  // namespace cj::library
