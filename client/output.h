// Buffered writing to a descriptor that remembers its first failure, so that a full disk or a
// closed pipe is noticed once, at the end, and nothing is said to be written that was not. Not
// thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace cj::client {

class Output {
 public:
  // Does not own `fd`.
  explicit Output(int fd) : fd_(fd) {}

  // After a failure these do nothing.
  void Write(std::string_view text);
  // Hands everything to the kernel. The first failure so far; EPIPE is in errno_value.
  Status Flush();
  // Flush, and for a regular file: on disk. What is to be remembered as delivered must be.
  Status Sync();

  bool failed() const { return failed_; }
  int fd() const { return fd_; }

 private:
  void Drain();

  int fd_;
  std::string buffer_;
  bool failed_ = false;
  int errno_value_ = 0;
};

}  // namespace cj::client
