#include "fanotify/kernel_threads.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>

#include "fanotify/proc_text.h"

namespace cj {
namespace {

constexpr unsigned long kKernelThread = 0x0020'0000;  // PF_KTHREAD in include/linux/sched.h

// The number that the pidfd's process has in this /proc; 0 or less: it has none, or has ended.
pid_t NumberOf(int proc_fd, int pid_fd) {
  UniqueFd fd(
      ::openat(proc_fd, ("self/fdinfo/" + std::to_string(pid_fd)).c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  if (!fd || !ReadAll(fd.get(), &text)) return 0;
  const std::size_t line = text.find("\nPid:");
  pid_t number = 0;
  if (line == std::string::npos) return 0;
  return std::sscanf(text.c_str() + line, "\nPid: %d", &number) == 1 ? number : 0;
}

// 42 (name (with) anything) S 2 0 0 0 -1 2129984 ...: the flags are the seventh behind the name.
bool IsKernelThread(int proc_fd, pid_t pid) {
  UniqueFd fd(::openat(proc_fd, (std::to_string(pid) + "/stat").c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  if (!fd || !ReadAll(fd.get(), &text)) return false;
  const std::size_t name_end = text.rfind(')');
  unsigned long flags = 0;
  return name_end != std::string::npos &&
         std::sscanf(text.c_str() + name_end, ") %*c %*d %*d %*d %*d %*d %lu", &flags) == 1 &&
         (flags & kKernelThread) != 0;
}

}  // namespace

Result<int> KernelThreads::Proc() {
  if (!proc_) proc_.reset(::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!proc_) return ErrnoError(errno, "/proc");
  return proc_.get();
}

void KernelThreads::ForgetEnded() {
  if (known_.empty()) return;
  std::array<epoll_event, 64> ended;
  while (true) {
    const int count = ::epoll_wait(ends_.get(), ended.data(), ended.size(), 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return known_.clear();
    for (int i = 0; i < count; ++i) Forget(static_cast<pid_t>(ended[i].data.u64));
    if (static_cast<std::size_t>(count) < ended.size()) return;
  }
}

void KernelThreads::Forget(pid_t pid) {
  const auto known = known_.find(pid);
  if (known == known_.end()) return;
  // Closing it would not do while a child of ours has a copy.
  (void)::epoll_ctl(ends_.get(), EPOLL_CTL_DEL, known->second.get(), nullptr);
  known_.erase(known);
}

bool KernelThreads::HasRoom() {
  if (!counted_) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = 0;
    most_ = std::min<std::size_t>(most_, limit.rlim_cur / kLeastDescriptorsForEach);
    counted_ = true;
  }
  return known_.size() < most_;
}

void KernelThreads::Learn(pid_t pid) {
  if (!HasRoom() || Has(pid)) return;
  if (!ends_) ends_.reset(::epoll_create1(EPOLL_CLOEXEC));
  UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!ends_ || !fd || NumberOf(proc_.get(), fd.get()) != pid) return;
  if (!IsKernelThread(proc_.get(), pid)) return;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = static_cast<std::uint64_t>(pid);
  if (::epoll_ctl(ends_.get(), EPOLL_CTL_ADD, fd.get(), &event) != 0) return;
  known_.emplace(pid, std::move(fd));
}

}  // namespace cj
