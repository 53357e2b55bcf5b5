#include "client/output.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace cj::client {
namespace {
constexpr std::size_t kBufferBytes = 64 << 10;  // one pipe's worth per system call
}

void Output::Write(std::string_view text) {
  if (failed_) return;
  buffer_ += text;
  if (buffer_.size() >= kBufferBytes) Drain();
}

void Output::Drain() {
  std::string_view rest = buffer_;
  while (!rest.empty() && !failed_) {
    ssize_t written = ::write(fd_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      failed_ = true;
      errno_value_ = errno;
      break;
    }
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  buffer_.clear();
}

Status Output::Flush() {
  Drain();
  if (failed_) return ErrnoError(errno_value_, "cannot write the answer");
  return {};
}

Status Output::Sync() {
  CJ_RETURN_IF_ERROR(Flush());
  struct stat status {};
  if (::fstat(fd_, &status) == 0 && S_ISREG(status.st_mode) && ::fsync(fd_) != 0) {
    failed_ = true;
    errno_value_ = errno;
    return ErrnoError(errno_value_, "cannot write the answer to disk");
  }
  return {};
}

}  // namespace cj::client
