#include "client/patience.h"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <string>

namespace cj::client {

bool MayGoOn(const cj_error* error) {
  const int code = cj_error_code(error);
  return code == -EBUSY || (*cj_error_name(error) == '\0' && code != -EPROTO);
}

bool Patience::Wait() {
  const Clock::time_point now = Clock::now();
  if (!deadline_) deadline_ = now + whole_;
  if (now >= *deadline_) return false;
  ::poll(nullptr, 0, static_cast<int>(pause_.count()));
  pause_ = std::min(pause_ * 2, kLongestPause);
  return true;
}

Outcome GoneAway(const cj_error* error) {
  return Fail(
      ExitStatus::kNotReachable,
      std::string("the daemon has gone away, and has not come back: ") + cj_error_text(error));
}

}  // namespace cj::client
