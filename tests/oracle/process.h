// Child processes: commands whose output is wanted, and a daemon that says when it is ready.
// Not thread-safe. Every wait has a deadline; a child that misses it is killed.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace cj::oracle {

struct CommandResult {
  int exit_status = -1;  // 128 + n when a signal n ended it
  std::string output;
  std::string errors;
};

// Runs a command to its end. kIo when it cannot be started or takes longer than `deadline`.
Result<CommandResult> RunCommand(const std::vector<std::string>& command,
                                 std::chrono::seconds deadline = std::chrono::seconds(600));

// A child in the background; killed and reaped by the destructor.
class Child {
 public:
  Child() = default;
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(Child&& other) noexcept : pid_(other.Release()) {}
  Child& operator=(Child&& other) noexcept;
  ~Child();

  pid_t pid() const { return pid_; }
  bool running() const;
  // Sends the signal (0: none) and waits. The exit status as in CommandResult; kIo at the deadline.
  Result<int> End(int signal_number, std::chrono::seconds deadline);

 private:
  pid_t Release();
  pid_t pid_ = -1;
};

// Starts a command with stdout and stderr in `log_file` (empty: our own), as the leader of its own
// process group. `environment` is added, as NAME=VALUE.
Result<Child> StartCommand(const std::vector<std::string>& command, const std::string& log_file,
                           const std::vector<std::string>& environment = {});

// The receiving end of sd_notify(3): a datagram socket at `path`.
class ReadySocket {
 public:
  static Result<ReadySocket> Make(const std::string& path);
  std::string environment() const { return "NOTIFY_SOCKET=" + path_; }
  // Waits for READY=1. kIo when the child ends first, or at the deadline.
  Status Wait(const Child& child, std::chrono::seconds deadline);

 private:
  ReadySocket(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  UniqueFd fd_;
  std::string path_;
};

// The value of a line of /proc/PID/status ("VmHWM"), in its unit; 0 when there is none.
std::uint64_t ProcessStatus(pid_t pid, const std::string& field);

}  // namespace cj::oracle
