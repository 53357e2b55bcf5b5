// What a checkpoint cannot do without: marks on a filesystem for a new group, and a wait for all
// notifications that missed them. No events are read and nothing is stored. Prints microseconds:
// with the wait as anybody would do it, closing a group that has a mark; and with the journal's.
//
// Usage: bench_minimal_barrier DIRECTORY ROUNDS
#include <fcntl.h>
#include <sys/fanotify.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "base/unique_fd.h"
#include "fanotify/kernel.h"
#include "fanotify/volume.h"

namespace {

using Clock = std::chrono::steady_clock;

int Fail(const char* what, const cj::Error& error) {
  std::fprintf(stderr, "bench_minimal_barrier: %s: %s\n", what, error.message.c_str());
  return 1;
}

cj::Status CloseMarkedGroup() {
  cj::UniqueFd group(::fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC, O_RDONLY));
  if (!group || ::fanotify_mark(group.get(), FAN_MARK_ADD, FAN_CLOSE_WRITE, AT_FDCWD, "/") != 0) {
    return cj::ErrnoError(errno, "a group with a mark");
  }
  return {};
}

cj::Status WaitLikeTheJournal() { return cj::LinuxKernel().Barrier(); }

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc == 3 ? std::atoi(argv[2]) : 0;
  if (rounds <= 0) {
    std::fprintf(stderr, "usage: bench_minimal_barrier DIRECTORY ROUNDS\n");
    return 2;
  }
  auto volume = cj::FindVolume(argv[1]);
  if (!volume.has_value()) return Fail(argv[1], volume.error());
  cj::Kernel& kernel = cj::LinuxKernel();
  std::unique_ptr<cj::EventGroup> before;
  for (int round = 0; round < rounds; ++round) {
    for (cj::Status (*wait)() : {CloseMarkedGroup, WaitLikeTheJournal}) {
      const auto began = Clock::now();
      auto group = kernel.CreateGroup(true);
      if (!group.has_value()) return Fail("making a group", group.error());
      cj::Status status = (*group)->Mark(*volume);
      if (status.has_value()) status = wait();
      if (!status.has_value()) return Fail("the barrier", status.error());
      const std::chrono::duration<double, std::micro> took = Clock::now() - began;
      std::printf("%.1f%c", took.count(), wait == CloseMarkedGroup ? ' ' : '\n');
      before = std::move(*group);  // the one before ends here, as after a checkpoint
    }
  }
  return 0;
}
