#include "child_process.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

#include "base/check.h"

namespace cj {
namespace {

constexpr std::chrono::seconds kDeadline{30};

void* last_shared = MAP_FAILED;

void* Map(const std::string& path, int open_flags, int protection, int map_flags) {
  UniqueFd fd(::open(path.c_str(), open_flags | O_CLOEXEC));
  if (!fd) return MAP_FAILED;
  return ::mmap(nullptr, kMappedBytes, protection, map_flags, fd.get(), 0);
}

// In the child: until the parent closes its end, or is gone.
void WaitForEnd(int hold) {
  char byte;
  while (::read(hold, &byte, 1) < 0 && errno == EINTR) {
  }
  ::_exit(0);
}

void Answer(int answer, bool good) {
  const char byte = good ? 'y' : 'n';
  if (::write(answer, &byte, 1) != 1) ::_exit(1);
}

}  // namespace

bool MapShared(const std::string& path, int open_flags, int protection) {
  last_shared = Map(path, open_flags, protection, MAP_SHARED);
  return last_shared != MAP_FAILED;
}

bool UnmapShared() { return ::munmap(last_shared, kMappedBytes) == 0; }

bool MapPrivate(const std::string& path) {
  return Map(path, O_RDWR, PROT_READ | PROT_WRITE, MAP_PRIVATE) != MAP_FAILED;
}

ChildProcess::ChildProcess(const std::function<bool()>& body, Where where) {
  std::array<int, 2> answer;
  std::array<int, 2> hold;
  CJ_CHECK(::pipe2(answer.data(), O_CLOEXEC) == 0 && ::pipe2(hold.data(), O_CLOEXEC) == 0,
           "pipe2 fails");
  pid_ = ::fork();
  CJ_CHECK(pid_ >= 0, "fork fails");
  if (pid_ == 0) {
    ::close(hold[1]);
    const bool good = body();
    if (where == kOnSecondThread) {
      const int reader = hold[0];
      std::thread([reader] { WaitForEnd(reader); }).detach();
      Answer(answer[1], good);
      ::syscall(SYS_exit, 0);  // this thread alone
    }
    Answer(answer[1], good);
    WaitForEnd(hold[0]);
  }
  ::close(answer[1]);
  ::close(hold[0]);
  answer_.reset(answer[0]);
  hold_.reset(hold[1]);
}

bool ChildProcess::ready() {
  char byte = 0;
  ssize_t count = 0;
  do count = ::read(answer_.get(), &byte, 1);
  while (count < 0 && errno == EINTR);
  return count == 1 && byte == 'y';
}

bool ChildProcess::WaitForZombieLeader() const {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  while (std::chrono::steady_clock::now() < deadline) {
    std::ifstream file("/proc/" + std::to_string(pid_) + "/stat");
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    const std::size_t end = text.rfind(')');
    if (end != std::string::npos && text.size() > end + 2 && text[end + 2] == 'Z') return true;
    std::this_thread::yield();
  }
  return false;
}

void ChildProcess::End() {
  if (pid_ == 0) return;
  // Not by closing hold_ alone: children that were forked later have a copy of it.
  ::kill(pid_, SIGKILL);
  hold_.reset();
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
}

}  // namespace cj
