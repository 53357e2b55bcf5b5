#include "service/varlink/listener.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83  // asm-generic/socket.h, Linux 6.16
#endif

namespace cj {

namespace {

Result<sockaddr_un> MakeAddress(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  constexpr std::size_t kMaxPath = sizeof(address.sun_path) - 1;
  if (path.empty() || path.size() > kMaxPath || path.find('\0') != std::string::npos) {
    return Error{ErrorCode::kInvalidArgument,
                 "'" + path + "' cannot be a socket's path: it has " + std::to_string(path.size()) +
                     " bytes, and must have 1 to " + std::to_string(kMaxPath) +
                     "; choose a shorter path"};
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

int Bind(int fd, const sockaddr_un& address) {
  return ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
}

// Success: the file at `path` is a socket that nobody listens at.
Status CheckStale(const std::string& path, const sockaddr_un& address) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};  // gone meanwhile
    return ErrnoError(errno, "cannot look at " + path);
  }
  if (!S_ISSOCK(status.st_mode)) {
    return Error{ErrorCode::kInvalidArgument,
                 path + " exists and is not a socket; remove it or choose another socket path"};
  }
  UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe) return ErrnoError(errno, "cannot create a socket");
  const int result =
      ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  if (result != 0 && (errno == ECONNREFUSED || errno == ENOENT)) return {};
  // EAGAIN: somebody listens, and is busy. EPROTOTYPE: somebody uses it for datagrams.
  if (result == 0 || errno == EAGAIN || errno == EPROTOTYPE) {
    return Error{ErrorCode::kBusy, "another server is listening at " + path +
                                       "; stop it or choose another socket path"};
  }
  return ErrnoError(errno, "cannot find out whether a server is listening at " + path);
}

Status BindReplacingStale(int fd, const std::string& path, const sockaddr_un& address) {
  if (Bind(fd, address) == 0) return {};
  if (errno != EADDRINUSE) return ErrnoError(errno, "cannot create the socket " + path);
  CJ_RETURN_IF_ERROR(CheckStale(path, address));
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
    return ErrnoError(errno, "cannot remove the stale socket " + path);
  }
  if (Bind(fd, address) == 0) return {};
  if (errno == EADDRINUSE) {
    return Error{ErrorCode::kBusy, "another server has just begun to listen at " + path};
  }
  return ErrnoError(errno, "cannot create the socket " + path);
}

Status CheckSocketOption(int fd, int option, int wanted, const char* what) {
  int value = 0;
  socklen_t length = sizeof(value);
  if (::getsockopt(fd, SOL_SOCKET, option, &value, &length) != 0) {
    return Error{ErrorCode::kInvalidArgument, "the descriptor handed in is not a socket", errno};
  }
  if (value == wanted) return {};
  return Error{ErrorCode::kInvalidArgument,
               std::string("the socket handed in is not ") + what +
                   "; the socket unit must say ListenStream= with a path"};
}

// Nothing here takes descriptors from clients: have the kernel refuse them (UAPI.20). Kernels that
// cannot drop them when the message is read.
void RefuseDescriptors(int fd) {
  const int off = 0;
  (void)::setsockopt(fd, SOL_SOCKET, SO_PASSRIGHTS, &off, sizeof(off));
}

}  // namespace

Listener::Listener(Listener&& other) noexcept
    : fd_(std::move(other.fd_)),
      path_(std::exchange(other.path_, {})),
      device_(other.device_),
      inode_(other.inode_) {}

Listener& Listener::operator=(Listener&& other) noexcept {
  if (this != &other) {
    Close();
    fd_ = std::move(other.fd_);
    path_ = std::exchange(other.path_, {});
    device_ = other.device_;
    inode_ = other.inode_;
  }
  return *this;
}

Listener::~Listener() { Close(); }

void Listener::Close() {
  fd_.reset();
  if (path_.empty()) return;
  struct stat status {};
  const bool still_ours =
      ::lstat(path_.c_str(), &status) == 0 && status.st_dev == device_ && status.st_ino == inode_;
  if (still_ours) ::unlink(path_.c_str());
  path_.clear();
}

Result<Listener> ListenUnix(const std::string& path, mode_t mode) {
  CJ_ASSIGN_OR_RETURN(const sockaddr_un address, MakeAddress(path));
  Listener listener;
  listener.fd_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!listener.fd_) return ErrnoError(errno, "cannot create a socket");
  CJ_RETURN_IF_ERROR(BindReplacingStale(listener.fd(), path, address));
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return ErrnoError(errno, "cannot look at " + path);
  listener.path_ = path;
  listener.device_ = status.st_dev;
  listener.inode_ = status.st_ino;
  // Nobody can connect before listen().
  if (::chmod(path.c_str(), mode) != 0) {
    return ErrnoError(errno, "cannot set the mode of the socket " + path);
  }
  RefuseDescriptors(listener.fd());
  if (::listen(listener.fd(), SOMAXCONN) != 0) {
    return ErrnoError(errno, "cannot listen at " + path);
  }
  return listener;
}

Result<Listener> AdoptListener(UniqueFd fd) {
  CJ_RETURN_IF_ERROR(CheckSocketOption(fd.get(), SO_DOMAIN, AF_UNIX, "a Unix socket"));
  CJ_RETURN_IF_ERROR(CheckSocketOption(fd.get(), SO_TYPE, SOCK_STREAM, "a stream socket"));
  CJ_RETURN_IF_ERROR(CheckSocketOption(fd.get(), SO_ACCEPTCONN, 1, "listening"));
  const int flags = ::fcntl(fd.get(), F_GETFL);
  if (flags < 0 || ::fcntl(fd.get(), F_SETFL, flags | O_NONBLOCK) != 0 ||
      ::fcntl(fd.get(), F_SETFD, FD_CLOEXEC) != 0) {
    return ErrnoError(errno, "cannot set up the socket handed in");
  }
  RefuseDescriptors(fd.get());
  Listener listener;
  listener.fd_ = std::move(fd);
  return listener;
}

}  // namespace cj
