// The daemon: takes the socket, starts the journal, serves until a signal says stop. The thread
// that calls Run() becomes the main thread of STYLE's picture: sockets, signals, timers; it never
// blocks on the kernel's queue or on the disk once it serves.
#pragma once

#include <string>

#include "base/result.h"
#include "service/config/config.h"
#include "systemd/listen.h"

namespace cj {

inline constexpr const char* kDefaultSocket = "/run/changejournal/org.changejournal";

struct DaemonOptions {
  Config config;
  std::string socket_path;  // empty: systemd's socket, or else kDefaultSocket
};

// Returns when the daemon was told to stop and has. Errors are those of starting.
Status RunDaemon(const DaemonOptions& options, PassedFds passed);

}  // namespace cj
