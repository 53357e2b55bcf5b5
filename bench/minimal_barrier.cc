// What a checkpoint cannot do without: marks on a filesystem for a new group, and the barrier. No
// events are read and nothing is stored. Prints microseconds, one line for each round.
//
// Usage: bench_minimal_barrier DIRECTORY ROUNDS
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "fanotify/kernel.h"
#include "fanotify/volume.h"

namespace {

using Clock = std::chrono::steady_clock;

int Fail(const char* what, const cj::Error& error) {
  std::fprintf(stderr, "bench_minimal_barrier: %s: %s\n", what, error.message.c_str());
  return 1;
}

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
    const auto began = Clock::now();
    auto group = kernel.CreateGroup(true);
    if (!group.has_value()) return Fail("making a group", group.error());
    cj::Status status = (*group)->Mark(*volume);
    if (status.has_value()) status = kernel.Barrier();
    if (!status.has_value()) return Fail("the barrier", status.error());
    const auto took = Clock::now() - began;
    std::printf("%.1f\n", std::chrono::duration<double, std::micro>(took).count());
    before = std::move(*group);  // the one before ends here, as after a checkpoint
  }
  return 0;
}
