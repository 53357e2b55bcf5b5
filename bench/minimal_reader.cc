// The floor: a fanotify group with the daemon's mask on one filesystem, whose events are read every
// ten milliseconds, as the daemon does it, and thrown away.
//
// Usage: bench_minimal_reader PATH. Prints "ready" when the mark is set; ends at the end of stdin
// and then prints {"reads":N,"bytes":N}.
#include <fcntl.h>
#include <poll.h>
#include <sys/fanotify.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <vector>

#include "base/unique_fd.h"
#include "fanotify/event.h"

namespace {

constexpr long kIntervalNsec = 10'000'000;
constexpr std::size_t kBufferBytes = 1 << 20;

int Fail(const char* what) {
  std::perror(what);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: bench_minimal_reader PATH\n");
    return 2;
  }
  const cj::UniqueFd group(fanotify_init(FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME_TARGET |
                                             FAN_UNLIMITED_QUEUE | FAN_NONBLOCK | FAN_CLOEXEC,
                                         O_RDONLY));
  if (!group) return Fail("fanotify_init");
  if (fanotify_mark(group.get(), FAN_MARK_ADD | FAN_MARK_FILESYSTEM, cj::kPostEventMask, AT_FDCWD,
                    argv[1]) != 0) {
    return Fail(argv[1]);
  }
  const cj::UniqueFd timer(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
  const itimerspec interval = {{0, kIntervalNsec}, {0, kIntervalNsec}};
  if (timerfd_settime(timer.get(), 0, &interval, nullptr) != 0) return Fail("timerfd_settime");
  std::puts("ready");
  std::fflush(stdout);

  std::vector<char> buffer(kBufferBytes);
  std::uint64_t reads = 0;
  std::uint64_t bytes = 0;
  for (;;) {
    pollfd polled[2] = {{timer.get(), POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
    poll(polled, 2, -1);
    if (polled[1].revents != 0) break;
    std::uint64_t expirations = 0;
    if (read(timer.get(), &expirations, sizeof expirations) < 0) return Fail("timer");
    for (ssize_t got; (got = read(group.get(), buffer.data(), buffer.size())) > 0;) {
      ++reads;
      bytes += static_cast<std::uint64_t>(got);
    }
  }
  std::printf("{\"reads\":%llu,\"bytes\":%llu}\n", static_cast<unsigned long long>(reads),
              static_cast<unsigned long long>(bytes));
  return 0;
}
