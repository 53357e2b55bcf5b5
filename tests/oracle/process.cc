#include "tests/oracle/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <array>
#include <cstring>
#include <fstream>

namespace cj::oracle {
namespace {

using std::chrono::steady_clock;

int MillisecondsLeft(steady_clock::time_point end) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(end - steady_clock::now()).count();
  return left > 0 ? static_cast<int>(left) : 0;
}

int ExitStatus(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

[[noreturn]] void Execute(const std::vector<std::string>& command) {
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  // Nothing that we started outlives us, however we end.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGPIPE, SIG_DFL);
  execvp(words[0], words.data());
  dprintf(STDERR_FILENO, "%s: %s\n", words[0], std::strerror(errno));
  _exit(127);
}

// Appends what is there; closes the descriptor at the end of the stream.
void Drain(UniqueFd* fd, std::string* text) {
  std::array<char, 1 << 16> block;
  const ssize_t got = read(fd->get(), block.data(), block.size());
  if (got > 0) {
    text->append(block.data(), static_cast<std::size_t>(got));
  } else {
    fd->reset();
  }
}

UniqueFd PidFd(pid_t pid) { return UniqueFd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))); }

struct Pipe {
  UniqueFd read_end;
  UniqueFd write_end;
};

Result<Pipe> MakePipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoError(errno, "pipe2");
  return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

}  // namespace

Result<CommandResult> RunCommand(const std::vector<std::string>& command,
                                 std::chrono::seconds deadline) {
  CJ_ASSIGN_OR_RETURN(Pipe output, MakePipe());
  CJ_ASSIGN_OR_RETURN(Pipe errors, MakePipe());
  const pid_t pid = fork();
  if (pid < 0) return ErrnoError(errno, "fork");
  if (pid == 0) {
    dup2(output.write_end.get(), STDOUT_FILENO);
    dup2(errors.write_end.get(), STDERR_FILENO);
    Execute(command);
  }
  Child child(pid);
  output.write_end.reset();
  errors.write_end.reset();
  const auto end = steady_clock::now() + deadline;
  CommandResult result;
  while (output.read_end || errors.read_end) {
    pollfd polled[2] = {{output.read_end.get(), POLLIN, 0}, {errors.read_end.get(), POLLIN, 0}};
    if (poll(polled, 2, MillisecondsLeft(end)) == 0) {
      return Error{ErrorCode::kIo, command[0] + " did not end in time: " + result.errors};
    }
    if (polled[0].revents != 0) Drain(&output.read_end, &result.output);
    if (polled[1].revents != 0) Drain(&errors.read_end, &result.errors);
  }
  CJ_ASSIGN_OR_RETURN(result.exit_status, child.End(0, deadline));
  return result;
}

Child& Child::operator=(Child&& other) noexcept {
  if (this != &other) {
    const Child old(std::move(*this));
    pid_ = other.Release();
  }
  return *this;
}

Child::~Child() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

pid_t Child::Release() { return std::exchange(pid_, -1); }

bool Child::running() const {
  siginfo_t info = {};
  return pid_ > 0 &&
         waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == 0;
}

Result<int> Child::End(int signal_number, std::chrono::seconds deadline) {
  if (signal_number != 0) kill(pid_, signal_number);
  const UniqueFd handle = PidFd(pid_);
  pollfd polled = {handle.get(), POLLIN, 0};
  const int milliseconds =
      static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(deadline).count());
  if (poll(&polled, 1, milliseconds) == 0) {
    return Error{ErrorCode::kIo, "process " + std::to_string(pid_) + " did not end in time"};
  }
  int status = 0;
  if (waitpid(pid_, &status, 0) != pid_) return ErrnoError(errno, "waitpid");
  pid_ = -1;
  return ExitStatus(status);
}

Result<Child> StartCommand(const std::vector<std::string>& command, const std::string& log_file,
                           const std::vector<std::string>& environment) {
  const pid_t pid = fork();
  if (pid < 0) return ErrnoError(errno, "fork");
  if (pid > 0) {
    setpgid(pid, pid);
    return Child(pid);
  }
  setpgid(0, 0);
  if (!log_file.empty()) {
    const int log = open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
  }
  for (const std::string& entry : environment) putenv(const_cast<char*>(entry.c_str()));
  Execute(command);
}

Result<ReadySocket> ReadySocket::Make(const std::string& path) {
  ::unlink(path.c_str());  // of a child before this one
  UniqueFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Error{ErrorCode::kInvalidArgument, "too long for a socket: " + path};
  }
  path.copy(address.sun_path, path.size());
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return ErrnoError(errno, "bind " + path);
  }
  return ReadySocket(std::move(fd), path);
}

Status ReadySocket::Wait(const Child& child, std::chrono::seconds deadline) {
  const auto end = steady_clock::now() + deadline;
  const UniqueFd handle = PidFd(child.pid());
  for (;;) {
    pollfd polled[2] = {{fd_.get(), POLLIN, 0}, {handle.get(), POLLIN, 0}};
    if (poll(polled, 2, MillisecondsLeft(end)) == 0) {
      return Error{ErrorCode::kIo, "the daemon did not say READY=1 in time"};
    }
    if (polled[0].revents != 0) {
      std::array<char, 4096> message;
      const ssize_t size = recv(fd_.get(), message.data(), message.size(), 0);
      const std::string text(message.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
      if (("\n" + text).find("\nREADY=1") != std::string::npos) return {};
    } else if (polled[1].revents != 0) {
      return Error{ErrorCode::kIo, "the daemon ended before it was ready"};
    }
  }
}

std::uint64_t ProcessStatus(pid_t pid, const std::string& field) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.rfind(field + ":", 0) == 0) {
      return std::strtoull(line.c_str() + field.size() + 1, nullptr, 10);
    }
  }
  return 0;
}

}  // namespace cj::oracle
