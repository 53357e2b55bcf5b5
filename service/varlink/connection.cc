#include "service/varlink/connection.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>
#include <cerrno>
#include <cstring>
#include <exception>
#include <utility>

#include "base/check.h"

namespace cj {

namespace asio = boost::asio;
using asio::use_awaitable;

namespace {

// Descriptors in one message: the kernel's bound (SCM_MAX_FD, net/scm.h).
constexpr std::size_t kMaxDescriptors = 253;

// Sends a part of `text`, and `fds` with it. Bytes sent, or -errno.
ssize_t SendSome(int socket, std::string_view text, const std::vector<UniqueFd>& fds) {
  iovec data{const_cast<char*>(text.data()), text.size()};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxDescriptors * sizeof(int))> control{};
  if (!fds.empty()) {
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    for (std::size_t i = 0; i < fds.size(); ++i) {
      const int fd = fds[i].get();
      std::memcpy(CMSG_DATA(rights) + i * sizeof(int), &fd, sizeof(int));
    }
  }
  while (true) {
    const ssize_t sent = ::sendmsg(socket, &header, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) return sent;
    if (errno != EINTR) return -errno;
  }
}

}  // namespace

Connection::Connection(asio::io_context& io, Peer peer, const Limits& limits,
                       std::shared_ptr<ConnectionOwner> owner)
    : socket_(io),
      deadline_(io),
      peer_(std::move(peer)),
      limits_(limits),
      owner_(std::move(owner)),
      gone_(std::make_shared<std::atomic<bool>>(false)),
      stall_timeout_(limits.stall_timeout),
      splitter_(limits.max_call_bytes) {}

Status Connection::Start(UniqueFd fd) {
  boost::system::error_code error;
  socket_.assign(fd.get(), error);
  if (error) return ErrnoError(error.value(), "cannot watch a client's socket");
  (void)fd.release();
  WatchHangUp();
  auto ended = [self = shared_from_this()](const std::exception_ptr&) {
    self->Cut();
    self->owner_->Ended(*self);
  };
  asio::co_spawn(socket_.get_executor(), Run(shared_from_this()),
                 asio::bind_cancellation_slot(cancel_.slot(), std::move(ended)));
  return {};
}

void Connection::Stop() {
  stopping_ = true;
  if (handling_ == Handling::kNothing || handling_ == Handling::kMore) Cut();
}

void Connection::MarkGone() { gone_->store(true, std::memory_order_relaxed); }

void Connection::Cut(const std::string& reason) {
  if (!socket_.is_open()) return;
  if (!reason.empty()) owner_->Complain("cut off " + Describe() + ": " + reason);
  stopping_ = true;
  MarkGone();
  DisarmDeadline();
  boost::system::error_code ignored;
  socket_.close(ignored);
  cancel_.emit(asio::cancellation_type::terminal);
}

std::string Connection::Describe() const {
  return "the client with uid " + std::to_string(peer_.uid) + ", pid " + std::to_string(peer_.pid);
}

// EPOLLHUP on an AF_UNIX stream socket: the other end is closed altogether, not just its sending
// half (unix_poll() in net/unix/af_unix.c). The wait also ends when there is urgent data
// (EPOLLPRI), which has no place in Varlink.
void Connection::WatchHangUp() {
  socket_.async_wait(asio::posix::stream_descriptor::wait_error,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       if (!error) self->HungUp();
                     });
}

void Connection::HungUp() {
  if (!socket_.is_open()) return;
  pollfd state{socket_.native_handle(), 0, 0};
  if (::poll(&state, 1, 0) <= 0 || (state.revents & (POLLHUP | POLLERR)) == 0) {
    Cut("it sent urgent data, which Varlink does not have");
    return;
  }
  hung_up_ = true;
  // What it has sent before may still hold oneway calls; a reply is wanted by nobody.
  if (handling_ == Handling::kCall || handling_ == Handling::kMore) Cut();
}

void Connection::ArmDeadline(std::chrono::milliseconds timeout, const char* reason) {
  const std::uint64_t generation = ++deadline_generation_;
  deadline_.expires_after(timeout);
  deadline_.async_wait(
      [weak = weak_from_this(), generation, reason](const boost::system::error_code& error) {
        const auto self = weak.lock();
        if (!error && self && self->deadline_generation_ == generation) self->Cut(reason);
      });
}

void Connection::DisarmDeadline() {
  ++deadline_generation_;
  deadline_.cancel();
}

asio::awaitable<void> Connection::Run(std::shared_ptr<Connection> self) {
  while (!self->stopping_) {
    auto message = self->splitter_.Next();
    if (!message.has_value()) {
      self->Cut(message.error().message);
    } else if (message->has_value()) {
      co_await self->HandleMessage(**std::move(message));
    } else if (!co_await self->Receive()) {
      co_return;
    }
  }
}

// False: the client sends nothing more.
asio::awaitable<bool> Connection::Receive() {
  if (splitter_.partial() && !receiving_) {
    receiving_ = true;
    ArmDeadline(limits_.receive_timeout, "it has sent half a message and not the rest in time");
  }
  co_await socket_.async_wait(asio::posix::stream_descriptor::wait_read, use_awaitable);
  const std::span<char> room = splitter_.Prepare();
  const ssize_t got = ::recv(socket_.native_handle(), room.data(), room.size(), MSG_DONTWAIT);
  if (got > 0) {
    splitter_.Commit(static_cast<std::size_t>(got));
    co_return true;
  }
  co_return got < 0 && (errno == EAGAIN || errno == EINTR);
}

asio::awaitable<void> Connection::HandleMessage(std::string text) {
  if (receiving_) DisarmDeadline();
  receiving_ = false;
  auto call = ParseCall(text);
  std::string().swap(text);
  if (!call.has_value()) {
    Cut(call.error().message);
    co_return;
  }
  if (hung_up_ && !call->oneway) co_return;
  co_await HandleCall(*std::move(call));
}

asio::awaitable<void> Connection::HandleCall(CallMessage message) {
  Call call(*this, std::move(message));
  stall_timeout_ = limits_.stall_timeout;
  handling_ = call.oneway() ? Handling::kOneway : call.more() ? Handling::kMore : Handling::kCall;
  std::string fault;
  try {
    co_await owner_->Handle(call);
    if (!call.answered() && !gone()) fault = "it gave no answer";
  } catch (const boost::system::system_error& error) {
    if (error.code() != asio::error::operation_aborted || !gone()) fault = error.what();
  } catch (const std::exception& error) {
    fault = error.what();
  }
  handling_ = Handling::kNothing;
  if (!fault.empty()) Cut("a defect in the method " + call.method() + ": " + fault);
}

asio::awaitable<bool> Connection::Write(std::string text, std::vector<UniqueFd> fds) {
  CJ_CHECK(fds.size() <= kMaxDescriptors, "too many descriptors for one message");
  bool armed = false;
  std::size_t sent = 0;
  while (!gone() && sent < text.size()) {
    const ssize_t result =
        SendSome(socket_.native_handle(), std::string_view(text).substr(sent), fds);
    if (result >= 0) {
      sent += static_cast<std::size_t>(result);
      fds.clear();
    } else if (result == -EAGAIN) {
      if (!armed) ArmDeadline(stall_timeout_, "it has not read its replies in time");
      armed = true;
      co_await socket_.async_wait(asio::posix::stream_descriptor::wait_write, use_awaitable);
    } else {
      // EPIPE and ECONNRESET are a client that left, and no news.
      const bool left = result == -EPIPE || result == -ECONNRESET;
      Cut(left ? "" : ErrnoError(static_cast<int>(-result), "cannot send to it").message);
    }
  }
  if (armed) DisarmDeadline();
  co_return !gone();
}

asio::awaitable<void> Connection::Yield() {
  co_await asio::post(socket_.get_executor(), use_awaitable);
}

}  // namespace cj
