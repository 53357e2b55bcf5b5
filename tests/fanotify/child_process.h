// A child process that does something, says so, and stays until it is told to end. One thread.
#pragma once

#include <sys/types.h>

#include <functional>
#include <string>

#include "base/unique_fd.h"

namespace cj {

inline constexpr std::size_t kMappedBytes = 4096;

// Maps kMappedBytes of the file and keeps only the mapping. For use in children.
bool MapShared(const std::string& path, int open_flags, int protection);
// Takes away the mapping that MapShared made last.
bool UnmapShared();
bool MapPrivate(const std::string& path);

class ChildProcess {
 public:
  enum Where { kOnFirstThread, kOnSecondThread };

  // Forks; the child runs `body`, then waits. kOnSecondThread: its first thread exits after that,
  // and another one waits.
  explicit ChildProcess(const std::function<bool()>& body, Where where = kOnFirstThread);
  ~ChildProcess() { End(); }
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Waits until the body has been run; what it returned.
  bool ready();
  // Waits until the first thread is a zombie.
  bool WaitForZombieLeader() const;
  // Ends the child, and waits for it.
  void End();
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = 0;
  UniqueFd answer_;
  UniqueFd hold_;  // a child whose parent is gone must not stay: it waits for the end of this
};

}  // namespace cj
