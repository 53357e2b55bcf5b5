// Processes as /proc shows them: who is behind a number at this moment. The seam through which
// tests are processes of their own making, and the parsers, which are pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/unique_fd.h"
#include "journal/actor.h"

namespace cj {

struct Process {
  std::uint64_t start = 0;    // in ticks since boot: no other process with this number has it
  std::int64_t age_usec = 0;  // since it was forked; up to kAgeErrorUsec too much
  Actor actor;
};

// A tick of /proc (USER_HZ), to which a start is rounded down.
inline constexpr std::int64_t kAgeErrorUsec = 10'000;

// Not thread-safe: the writer's.
class ProcessReader {
 public:
  virtual ~ProcessReader() = default;
  // Nothing: there is no such process any more, or it cannot be read.
  virtual std::optional<Process> Read(std::int32_t pid) = 0;
  // How many numbers there are before one is given out again.
  virtual std::int64_t NumberCount() = 0;
  // How many processes and threads were made since boot.
  virtual std::uint64_t ForkCount() = 0;
};

// /proc of this process's namespace: three small files for each process.
class ProcProcesses : public ProcessReader {
 public:
  ProcProcesses();
  std::optional<Process> Read(std::int32_t pid) override;
  std::int64_t NumberCount() override;
  std::uint64_t ForkCount() override;

 private:
  UniqueFd proc_;
  std::string text_;
};

// Of /proc/PID/stat: "4242 (name) S 1 ..."; the name may hold anything, also ") ".
struct StatLine {
  std::string_view comm;
  std::uint64_t start = 0;
};
std::optional<StatLine> ParseStatLine(std::string_view text);

// Of /proc/PID/cgroup: the unit that systemd runs the process in, "foo.service", or the session's
// scope. Empty: none.
std::string_view UnitOfCgroup(std::string_view text);

// As text that is UTF-8, has no control characters, and no more than so many bytes: what is not
// fit becomes '?'. A program names itself as it likes.
std::string PlainText(std::string_view bytes, std::size_t max_bytes);

}  // namespace cj
