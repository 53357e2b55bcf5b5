// What answering alone costs: a group for permission events on one filesystem, whose events are
// allowed as soon as they are there and otherwise ignored. It never sleeps: what a program waits
// for it, it would wait for anybody.
//
// Usage: bench_minimal_answerer PATH. Prints "ready" when the mark is set; ends at the end of
// stdin, and then prints {"answers":N}.
#include <fcntl.h>
#include <poll.h>
#include <sys/fanotify.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>

#include "base/unique_fd.h"

namespace {

// Looks at stdin once in so many empty reads.
constexpr int kReadsPerLook = 1000;

int Fail(const char* what) {
  std::perror(what);
  return 1;
}

bool StdinEnds() {
  pollfd polled{STDIN_FILENO, POLLIN, 0};
  return poll(&polled, 1, 0) > 0;
}

// The number of events that were allowed; negative: one could not be.
long AllowAll(int group) {
  alignas(fanotify_event_metadata) char buffer[4096];
  const ssize_t got = read(group, buffer, sizeof buffer);
  if (got <= 0) return 0;
  long answered = 0;
  auto* event = reinterpret_cast<fanotify_event_metadata*>(buffer);
  for (ssize_t left = got; FAN_EVENT_OK(event, left); event = FAN_EVENT_NEXT(event, left)) {
    if (event->fd < 0) continue;
    const fanotify_response response{event->fd, FAN_ALLOW};
    if (write(group, &response, sizeof response) < 0) return -1;
    close(event->fd);
    ++answered;
  }
  return answered;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: bench_minimal_answerer PATH\n");
    return 2;
  }
  const cj::UniqueFd group(
      fanotify_init(FAN_CLASS_CONTENT | FAN_UNLIMITED_QUEUE | FAN_NONBLOCK | FAN_CLOEXEC,
                    O_RDONLY | O_LARGEFILE | O_NONBLOCK | O_CLOEXEC));
  if (!group) return Fail("fanotify_init");
  if (fanotify_mark(group.get(), FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN_PERM, AT_FDCWD,
                    argv[1]) != 0) {
    return Fail(argv[1]);
  }
  std::puts("ready");
  std::fflush(stdout);
  long answers = 0;
  for (int empty = 0; empty < kReadsPerLook || !StdinEnds(); empty = empty % kReadsPerLook + 1) {
    const long answered = AllowAll(group.get());
    if (answered < 0) return Fail("answering");
    answers += answered;
  }
  std::printf("{\"answers\":%ld}\n", answers);
  return 0;
}
