#include "protocol/client_connection.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>

#include "base/check.h"
#include "protocol/message.h"

namespace cj {

namespace {

// Descriptors in one SCM_RIGHTS message: the kernel's bound (SCM_MAX_FD, net/scm.h).
constexpr std::size_t kMaxDescriptors = 253;

Error TimedOut() { return Error{ErrorCode::kIo, "the daemon did not answer in time", ETIMEDOUT}; }

Error Closed() {
  return Error{ErrorCode::kIo,
               "the daemon closed the connection before its answer was complete: it is stopping, "
               "or has too many clients; its log says more",
               ECONNRESET};
}

Error ConnectError(int errno_value, const std::string& path) {
  switch (errno_value) {
    case ENOENT:
    case ECONNREFUSED:
    case ENOTSOCK:
    case ENOTDIR:
      return Error{ErrorCode::kNotFound,
                   "daemon not reachable at " + path + ": is changejournald running?", errno_value};
    case EACCES:
    case EPERM:
      return Error{ErrorCode::kPermissionDenied,
                   "no permission to connect to " + path +
                       ": the socket's mode or a directory on the way keeps this user out",
                   errno_value};
    case EAGAIN:
      return Error{ErrorCode::kNotFound,
                   "daemon not reachable at " + path + ": too many clients are waiting for it",
                   errno_value};
    default:
      return ErrnoError(errno_value, "cannot connect to " + path);
  }
}

// Takes the descriptors out of a received control message.
std::vector<UniqueFd> TakeDescriptors(msghdr& header) {
  std::vector<UniqueFd> fds;
  for (cmsghdr* control = CMSG_FIRSTHDR(&header); control != nullptr;
       control = CMSG_NXTHDR(&header, control)) {
    if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(control) + i * sizeof(int), sizeof(int));
      fds.emplace_back(fd);
    }
  }
  return fds;
}

}  // namespace

ClientConnection::ClientConnection(UniqueFd fd) : fd_(std::move(fd)) {}

Result<ClientConnection> ClientConnection::Connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return Error{ErrorCode::kInvalidArgument,
                 "'" + path + "' cannot be a socket's path: it must have 1 to " +
                     std::to_string(sizeof(address.sun_path) - 1) + " bytes"};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd) return ErrnoError(errno, "cannot create a socket");
  int result = 0;
  do {
    result = ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  } while (result < 0 && errno == EINTR);
  if (result < 0) return ConnectError(errno, path);
  return ClientConnection(std::move(fd));
}

ClientConnection::Deadline ClientConnection::DeadlineFromNow() const {
  if (!timeout_) return std::nullopt;
  return std::chrono::steady_clock::now() + *timeout_;
}

// Waits until one of `events` (or an error, which the next system call reports) is there.
Status ClientConnection::Wait(short events, Deadline deadline) const {
  pollfd poll_fd{fd_.get(), events, 0};
  while (true) {
    int wait_ms = -1;
    if (deadline) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(
          *deadline - std::chrono::steady_clock::now());
      if (left.count() <= 0) return TimedOut();
      wait_ms =
          static_cast<int>(std::min<std::int64_t>(left.count(), std::numeric_limits<int>::max()));
    }
    const int ready = ::poll(&poll_fd, 1, wait_ms);
    if (ready > 0) return {};
    if (ready < 0 && errno != EINTR) return ErrnoError(errno, "cannot wait for the daemon");
  }
}

Status ClientConnection::Send(std::string_view text, Deadline deadline) const {
  if (text.size() > kMaxCallBytes + 1) {
    return Error{ErrorCode::kLimit,
                 "the call has " + std::to_string(text.size() - 1) +
                     " bytes, and the daemon takes " + std::to_string(kMaxCallBytes) +
                     ": name fewer paths, or those above them",
                 E2BIG};
  }
  while (!text.empty()) {
    const ssize_t sent = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      text.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      CJ_RETURN_IF_ERROR(Wait(POLLOUT, deadline));
    } else if (errno == EPIPE || errno == ECONNRESET) {
      return Closed();
    } else if (errno != EINTR) {
      return ErrnoError(errno, "cannot send to the daemon");
    }
  }
  return {};
}

bool ClientConnection::closed() const {
  char byte = 0;
  const ssize_t got = ::recv(fd_.get(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR);
}

// unix(7): a read ends with the first byte sequence that carries descriptors, so they belong to the
// message that began last in what was read. A message is sent with one sendmsg(), hence begins
// where its descriptors do.
Status ClientConnection::KeepDescriptors(std::vector<UniqueFd> fds, std::string_view chunk,
                                         bool was_partial) {
  const auto ends = static_cast<std::uint64_t>(std::count(chunk.begin(), chunk.end(), '\0'));
  const bool ends_whole = chunk.back() == '\0';
  if (!fds.empty()) {
    const std::uint64_t begun_here = ends + (ends_whole ? 0 : 1) - (was_partial ? 1 : 0);
    if (begun_here == 0) {
      return Error{ErrorCode::kCorruption, "descriptors came in the middle of a message"};
    }
    descriptors_.emplace_back(messages_ended_ + ends - (ends_whole ? 1 : 0), std::move(fds));
  }
  messages_ended_ += ends;
  return {};
}

Status ClientConnection::ReceiveBytes(Deadline deadline) {
  const bool was_partial = splitter_.partial();
  const std::span<char> room = splitter_.Prepare();
  alignas(cmsghdr) std::array<char, CMSG_SPACE(kMaxDescriptors * sizeof(int))> control{};
  while (true) {
    iovec data{room.data(), room.size()};
    msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    const ssize_t got = ::recvmsg(fd_.get(), &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (got > 0) {
      CJ_RETURN_IF_ERROR(KeepDescriptors(
          TakeDescriptors(header), {room.data(), static_cast<std::size_t>(got)}, was_partial));
      if ((header.msg_flags & MSG_CTRUNC) != 0) {
        return Error{ErrorCode::kIo,
                     "descriptors of the daemon did not arrive: this process has "
                     "too many open files"};
      }
      splitter_.Commit(static_cast<std::size_t>(got));
      return {};
    }
    if (got == 0 || errno == ECONNRESET) return Closed();
    if (errno == EAGAIN) {
      CJ_RETURN_IF_ERROR(Wait(POLLIN, deadline));
    } else if (errno != EINTR) {
      return ErrnoError(errno, "cannot receive from the daemon");
    }
  }
}

Result<ClientReply> ClientConnection::ReceiveReply(Deadline deadline) {
  while (true) {
    CJ_ASSIGN_OR_RETURN(std::optional<std::string> text, splitter_.Next());
    if (!text) {
      CJ_RETURN_IF_ERROR(ReceiveBytes(deadline));
      continue;
    }
    CJ_ASSIGN_OR_RETURN(ReplyMessage message, ParseReply(*text));
    ClientReply reply{
        std::move(message.error), std::move(message.parameters), message.continues, {}};
    if (!descriptors_.empty() && descriptors_.front().first == messages_taken_) {
      reply.fds = std::move(descriptors_.front().second);
      descriptors_.pop_front();
    }
    ++messages_taken_;
    return reply;
  }
}

Result<ClientReply> ClientConnection::Call(std::string_view method,
                                           const nlohmann::json& parameters) {
  CJ_CHECK(!awaiting_more_, "one call at a time");
  const Deadline deadline = DeadlineFromNow();
  const CallMessage call{std::string(method), parameters};
  CJ_RETURN_IF_ERROR(Send(SerializeCall(call), deadline));
  CJ_ASSIGN_OR_RETURN(ClientReply reply, ReceiveReply(deadline));
  if (reply.continues) {
    return Error{ErrorCode::kCorruption, "the daemon sent more replies than were asked for"};
  }
  return reply;
}

Status ClientConnection::CallMore(std::string_view method, const nlohmann::json& parameters) {
  CJ_CHECK(!awaiting_more_, "one call at a time");
  CallMessage call{std::string(method), parameters};
  call.more = true;
  CJ_RETURN_IF_ERROR(Send(SerializeCall(call), DeadlineFromNow()));
  awaiting_more_ = true;
  return {};
}

Result<std::optional<ClientReply>> ClientConnection::Next() {
  if (!awaiting_more_) return std::optional<ClientReply>();
  CJ_ASSIGN_OR_RETURN(ClientReply reply, ReceiveReply(DeadlineFromNow()));
  awaiting_more_ = reply.continues;
  return std::optional<ClientReply>(std::move(reply));
}

}  // namespace cj
