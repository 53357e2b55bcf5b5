// How long a command takes, from before its process is made until it has ended and all that it
// wrote has been read. Python's own way to start a process takes as long as a small answer.
//
//   bench_stopwatch COMMAND ARGUMENT...
//
// Prints the seconds and a newline, then what the command wrote.
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <string>

#include "base/unique_fd.h"

namespace {

// What comes through the pipe until its other end is closed.
std::string ReadAll(int fd) {
  std::string all;
  std::array<char, 1 << 16> part;
  for (;;) {
    const ssize_t count = ::read(fd, part.data(), part.size());
    if (count <= 0) return all;
    all.append(part.data(), static_cast<std::size_t>(count));
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: bench_stopwatch COMMAND ARGUMENT...\n");
    return 2;
  }
  const auto begin = std::chrono::steady_clock::now();
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return 1;
  const cj::UniqueFd from(ends[0]);
  cj::UniqueFd to(ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, to.get(), STDOUT_FILENO);
  pid_t pid = 0;
  const int failed = ::posix_spawnp(&pid, argv[1], &actions, nullptr, argv + 1, environ);
  if (failed != 0) return 1;
  to.reset();
  const std::string written = ReadAll(from.get());
  int status = 0;
  if (::waitpid(pid, &status, 0) != pid || status != 0) return 1;
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::printf("%.6f\n", took.count());
  std::fwrite(written.data(), 1, written.size(), stdout);
  return 0;
}
