// The kernel's own threads, which /proc lists as processes: those that a scan has looked into are
// remembered for the next one. Inside this folder and its tests only. Not thread-safe.
//
// On a machine that does little they are most of what /proc lists. None of them ever has mappings
// or descriptors of a program's, so that nothing is missed by passing them over:
//
//   * The kernel says itself which they are (PF_KTHREAD in /proc/PID/stat). It gives nobody their
//     address space, not even while they borrow that of a process (get_task_mm in kernel/fork.c),
//     and since Linux 5.19 (we ask for 6.0) none of them can become a program by execve(2). The
//     programs that the kernel starts are not kernel threads: they lack that flag from birth.
//   * That the number still means the same thread is known by a pidfd, which becomes readable when
//     the thread ends, before its number can be given away (exit_notify in kernel/exit.c). So of a
//     listing of /proc, each number whose pidfd is silent afterwards was that thread's.
//   * The pidfd is of the thread that has this number in this /proc, which may be that of another
//     pid namespace: its fdinfo there says so, and it is read before the flag.
//
// User processes are not remembered. That they have not run since (/proc/PID/schedstat) would not
// do: whoever shares their address space (CLONE_VM) may map a file for them and be gone.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <unordered_map>

#include "base/result.h"
#include "base/unique_fd.h"

namespace cj {

class KernelThreads {
 public:
  // Each costs a descriptor and 1 or 2 KiB of the kernel's memory. A machine with 16 processors has
  // some 250; what is beyond is looked into at each scan.
  static constexpr std::size_t kMost = 512;
  // As a part of the descriptors that this process may have: connections need them more.
  static constexpr std::size_t kLeastDescriptorsForEach = 8;

  explicit KernelThreads(std::size_t most = kMost) : most_(most) {}

  // The directory of processes, opened once: whatever is remembered is of this /proc.
  Result<int> Proc();
  // Forgets those that have ended. After this, Has() is true of what a listing of Proc() that was
  // made before has named.
  void ForgetEnded();
  bool Has(pid_t pid) const { return known_.count(pid) > 0; }
  // Remembers it if it is one and there is room. Of a process without other threads that has just
  // been looked into.
  void Learn(pid_t pid);
  std::size_t size() const { return known_.size(); }

 private:
  void Forget(pid_t pid);
  bool HasRoom();

  std::size_t most_;
  bool counted_ = false;  // the descriptors that we may have
  UniqueFd proc_;
  UniqueFd ends_;  // an epoll instance that watches the pidfds
  std::unordered_map<pid_t, UniqueFd> known_;
};

}  // namespace cj
