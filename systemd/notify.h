// What the service manager is told: sd_notify(3), and the watchdog it expects to hear from
// (sd_watchdog_enabled(3)). Without NOTIFY_SOCKET in the environment every call does nothing and
// returns false. Failures are not errors: a manager that cannot be told must not stop the journal.
// Any thread; the calls do not block on a socket with room.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cj {

// True when the message was handed over. `status` is the line of `systemctl status`; control bytes
// in it (file names may have them) become spaces, since a newline would start another assignment.
bool NotifyReady(std::string_view status);
bool NotifyStatus(std::string_view status);
// The service is on its way down; systemd then waits TimeoutStopSec=.
bool NotifyStopping(std::string_view status);
// Configuration is being read again; NotifyReady ends it.
bool NotifyReloading();
// Start or stop takes longer: this much more time from now on, in microseconds.
bool NotifyExtendTimeout(std::int64_t usec);

// The FD store (FileDescriptorStoreMax=): a copy of `fd` stays with the manager under this name,
// and is passed at the next start (listen.h). True when it was handed over; a manager without room
// for it says nothing. `name`: printable ASCII without ':', at most 255.
bool NotifyKeepFd(const std::string& name, int fd);
// The copies of this name are closed; waits until the manager has done so, at most a second.
bool NotifyForgetFd(const std::string& name);

// How often NotifyWatchdog() must be called: half of what WatchdogSec= allows, in microseconds.
// Nothing when no watchdog is set for this process.
std::optional<std::int64_t> WatchdogIntervalUsec();
// The service is alive. Call it only when every loop that must move has moved.
bool NotifyWatchdog();

}  // namespace cj
