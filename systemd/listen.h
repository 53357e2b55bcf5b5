// Descriptors that systemd passes at start: the socket unit's listening socket, and whatever the FD
// store keeps (sd_listen_fds(3)). Call once, from main, before threads start: the environment
// variables that announce them are removed, so that children do not take them for theirs.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace cj {

struct NamedFd {
  std::string name;  // FileDescriptorName= or FDNAME=; "unknown" when none was given
  UniqueFd fd;
};

struct PassedFds {
  UniqueFd listener;            // invalid when systemd passed none: the daemon makes its own
  std::vector<NamedFd> others;  // all that is not a listening AF_UNIX stream socket
};

// All are close-on-exec. More than one listening socket is an error: which one clients use cannot
// be told. The listener is made non-blocking.
Result<PassedFds> TakePassedFds();

}  // namespace cj
