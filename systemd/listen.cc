#include "systemd/listen.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

namespace cj {
namespace {

// sd_listen_fds_with_names' array and its strings are the caller's to free.
struct FreeNames {
  void operator()(char** names) const {
    for (char** name = names; *name != nullptr; ++name) std::free(*name);
    std::free(static_cast<void*>(names));
  }
};

Status MakeNonBlocking(int fd) {
  int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0) {
    return ErrnoError(errno, "cannot make the passed socket non-blocking");
  }
  return {};
}

}  // namespace

Result<PassedFds> TakePassedFds() {
  char** raw_names = nullptr;
  int count = ::sd_listen_fds_with_names(/*unset_environment=*/1, &raw_names);
  if (count < 0) return ErrnoError(-count, "cannot take the descriptors that systemd passed");
  PassedFds passed;
  if (count == 0) return passed;
  std::unique_ptr<char*, FreeNames> names(raw_names);
  // Own all of them before anything can fail.
  for (int i = 0; i < count; ++i) {
    passed.others.push_back({names.get()[i], UniqueFd(SD_LISTEN_FDS_START + i)});
  }
  std::vector<NamedFd> rest;
  for (NamedFd& each : passed.others) {
    if (::sd_is_socket(each.fd.get(), AF_UNIX, SOCK_STREAM, /*listening=*/1) <= 0) {
      rest.push_back(std::move(each));
      continue;
    }
    if (passed.listener) {
      return Error{ErrorCode::kInvalidArgument,
                   "systemd passed more than one listening socket; leave one ListenStream= in "
                   "changejournald.socket"};
    }
    CJ_RETURN_IF_ERROR(MakeNonBlocking(each.fd.get()));
    passed.listener = std::move(each.fd);
  }
  passed.others = std::move(rest);
  return passed;
}

}  // namespace cj
