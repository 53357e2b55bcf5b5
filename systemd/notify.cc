#include "systemd/notify.h"

#include <systemd/sd-daemon.h>

#include <string>

#include "base/clock.h"

namespace cj {
namespace {

bool Send(const std::string& state) {
  return ::sd_notify(/*unset_environment=*/0, state.c_str()) > 0;
}

std::string OneLine(std::string_view text) {
  std::string line(text);
  for (char& c : line) {
    auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = ' ';
  }
  return line;
}

}  // namespace

bool NotifyReady(std::string_view status) { return Send("READY=1\nSTATUS=" + OneLine(status)); }

bool NotifyStatus(std::string_view status) { return Send("STATUS=" + OneLine(status)); }

bool NotifyStopping(std::string_view status) {
  return Send("STOPPING=1\nSTATUS=" + OneLine(status));
}

bool NotifyReloading() {
  // MONOTONIC_USEC lets newer managers tell which reload this READY=1 ends.
  return Send("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(Clock::System().MonotonicUsec()));
}

bool NotifyExtendTimeout(std::int64_t usec) {
  return Send("EXTEND_TIMEOUT_USEC=" + std::to_string(usec));
}

std::optional<std::int64_t> WatchdogIntervalUsec() {
  std::uint64_t usec = 0;
  if (::sd_watchdog_enabled(/*unset_environment=*/0, &usec) <= 0) return std::nullopt;
  // sd_watchdog_enabled(3) asks for half of the time; never zero, which would be a busy loop.
  return static_cast<std::int64_t>(usec / 2 > 0 ? usec / 2 : 1);
}

bool NotifyKeepFd(const std::string& name, int fd) {
  const std::string state = "FDSTORE=1\nFDNAME=" + name;
  return ::sd_pid_notify_with_fds(/*pid=*/0, /*unset_environment=*/0, state.c_str(), &fd, 1) > 0;
}

bool NotifyForgetFd(const std::string& name) {
  constexpr std::uint64_t kBarrierUsec = 1'000'000;
  if (!Send("FDSTOREREMOVE=1\nFDNAME=" + name)) return false;
  return ::sd_notify_barrier(/*unset_environment=*/0, kBarrierUsec) > 0;
}

bool NotifyWatchdog() { return Send("WATCHDOG=1"); }

}  // namespace cj
