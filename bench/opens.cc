// Opens the files of a directory one after the other, and says how long that took.
//
//   bench_opens make DIRECTORY FILES    makes them
//   bench_opens write DIRECTORY FILES   open for writing, write a byte, close
//   bench_opens read DIRECTORY FILES    open for reading, close
//
// Prints {"operations":N,"seconds":S}.
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace {

bool Touch(const std::string& path, const char* what) {
  const bool read = std::strcmp(what, "read") == 0;
  const int flags = read ? O_RDONLY : O_WRONLY | (std::strcmp(what, "make") == 0 ? O_CREAT : 0);
  const cj::UniqueFd fd(::open(path.c_str(), flags | O_CLOEXEC, 0644));
  return fd && (read || ::pwrite(fd.get(), "x", 1, 0) == 1);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: bench_opens make|write|read DIRECTORY FILES\n");
    return 2;
  }
  std::vector<std::string> paths;
  for (int i = 0; i < std::atoi(argv[3]); ++i) {
    paths.push_back(std::string(argv[2]) + "/" + std::to_string(i));
  }
  const auto begin = std::chrono::steady_clock::now();
  for (const std::string& path : paths) {
    if (Touch(path, argv[1])) continue;
    std::perror(path.c_str());
    return 1;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  std::printf("{\"operations\":%zu,\"seconds\":%.6f}\n", paths.size(), took.count());
  return 0;
}
