// The socket that clients connect to: made here or taken over from systemd. Not thread-safe.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace cj {

// A listening AF_UNIX stream socket, non-blocking and close-on-exec. When it was made by
// ListenUnix(), destroying it removes the file at its path, if that is still the one it made.
class Listener {
 public:
  Listener() = default;
  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&& other) noexcept;
  ~Listener();

  int fd() const { return fd_.get(); }
  bool valid() const { return fd_.valid(); }
  // Closes the socket and removes its file (see above).
  void Close();

 private:
  friend Result<Listener> ListenUnix(const std::string& path, mode_t mode);
  friend Result<Listener> AdoptListener(UniqueFd fd);

  UniqueFd fd_;
  std::string path_;  // empty: not ours to remove
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

// Binds and listens at `path`; the file gets `mode` before the first client can connect. A socket
// file that nobody listens at any more is replaced. Errors: kBusy: a living server listens there;
// kInvalidArgument: the path is too long for a socket address (107 bytes) or something other than a
// socket is there, which is left alone; kIo, kPermissionDenied, kNotFound: the directory.
// Two servers that find the same stale file at the same moment may both believe to have replaced
// it: hold the lock of what they serve (the store's) before calling this.
Result<Listener> ListenUnix(const std::string& path, mode_t mode = 0666);

// Takes over a descriptor handed in by systemd (sd_listen_fds(3)); its file stays systemd's.
// kInvalidArgument: it is not a listening AF_UNIX stream socket.
Result<Listener> AdoptListener(UniqueFd fd);

}  // namespace cj
