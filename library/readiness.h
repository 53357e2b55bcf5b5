// One descriptor that is readable while there is something to do: what has come over a socket, or
// what has been received already. It stays the same while sockets come and go. Not thread-safe.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

namespace cj::library {

class Readiness {
 public:
  Status Open();
  bool is_open() const { return epoll_.valid(); }
  // For poll(2).
  int fd() const { return epoll_.get(); }

  // From now on this socket, too; one that is closed is left out by the kernel.
  Status Watch(int socket);
  // Whether something has been received already.
  void Set(bool received);

 private:
  UniqueFd epoll_, received_;
  bool set_ = false;
};

}  // namespace cj::library
