#include "checkpoint/processes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <iterator>
#include <limits>

#include "base/text.h"
#include "fanotify/proc_text.h"

namespace cj {
namespace {

// The field of the start, counted from the one behind the name: proc_pid_stat(5), number 22.
constexpr int kStartField = 19;
// Were it unknown: what a kernel has that nobody has told anything else (pid_max of 32 bits).
constexpr std::int64_t kFewestNumbers = 32768;

template <typename T>
std::optional<T> Number(std::string_view text) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  (void)end;
  if (error != std::errc()) return std::nullopt;
  return value;
}

// Processes count from boot, also while the machine is suspended.
std::int64_t SinceBootUsec() {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  return now.tv_sec * 1'000'000LL + now.tv_nsec / 1000;
}

bool ReadFile(int directory, const char* name, std::string* text) {
  const UniqueFd fd(::openat(directory, name, O_RDONLY | O_CLOEXEC));
  return fd && ReadAll(fd.get(), text).has_value();
}

bool IsUnit(std::string_view name) {
  constexpr std::string_view kTypes[] = {".service", ".scope", ".socket", ".mount", ".swap"};
  return std::any_of(std::begin(kTypes), std::end(kTypes), [&](std::string_view type) {
    return name.size() > type.size() && name.substr(name.size() - type.size()) == type;
  });
}

}  // namespace

std::optional<StatLine> ParseStatLine(std::string_view text) {
  const std::size_t open = text.find('(');
  const std::size_t close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
    return std::nullopt;
  }
  StatLine line;
  line.comm = text.substr(open + 1, close - open - 1);
  text.remove_prefix(std::min(close + 2, text.size()));
  for (int field = 0; field < kStartField; ++field) {
    const std::size_t blank = text.find(' ');
    if (blank == std::string_view::npos) return std::nullopt;
    text.remove_prefix(blank + 1);
  }
  const auto start = Number<std::uint64_t>(text);
  if (!start) return std::nullopt;
  line.start = *start;
  return line;
}

// "0::/system.slice/foo.service/sub", or with the hierarchy of systemd's own "1:name=systemd:/...".
// The first part that is no slice is the unit; a name that could be taken for another file of the
// kernel's has a '_' before it.
std::string_view UnitOfCgroup(std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const bool unified = line.substr(0, 3) == "0::";
    const std::size_t named = line.find(":name=systemd:");
    if (!unified && named == std::string_view::npos) continue;
    line.remove_prefix(line.find('/') == std::string_view::npos ? line.size() : line.find('/'));
    while (!line.empty()) {
      line.remove_prefix(1);
      std::string_view part = line.substr(0, line.find('/'));
      line.remove_prefix(part.size());
      if (!part.empty() && part.front() == '_') part.remove_prefix(1);
      if (IsUnit(part)) return part;
    }
  }
  return {};
}

std::string PlainText(std::string_view bytes, std::size_t max_bytes) {
  std::string text(bytes.substr(0, max_bytes));
  const bool utf8 = IsUtf8(text);
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || (!utf8 && byte >= 0x80)) c = '?';
  }
  return text;
}

ProcProcesses::ProcProcesses() : proc_(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC)) {}

// The directory is the process's own: once it is open, what is read through it is of no other, even
// if the number is given out again meanwhile. Its owner is the effective user, also of a process
// that may not be looked into.
std::optional<Process> ProcProcesses::Read(std::int32_t pid) {
  std::array<char, 16> name{};
  *std::to_chars(name.data(), name.data() + name.size() - 1, pid).ptr = '\0';
  const UniqueFd directory(::openat(proc_.get(), name.data(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return std::nullopt;
  struct stat owner {};
  if (::fstat(directory.get(), &owner) != 0) return std::nullopt;
  Process process;
  process.actor.known = true;
  process.actor.uid = owner.st_uid;
  if (ReadFile(directory.get(), "cgroup", &text_)) {
    process.actor.unit = PlainText(UnitOfCgroup(text_), kMaxUnitBytes);
  }
  if (!ReadFile(directory.get(), "stat", &text_)) return std::nullopt;
  const auto line = ParseStatLine(text_);
  if (!line) return std::nullopt;
  process.actor.comm = PlainText(line->comm, kMaxCommBytes);
  process.start = line->start;
  const std::int64_t ticks = ::sysconf(_SC_CLK_TCK);
  process.age_usec = SinceBootUsec() - static_cast<std::int64_t>(line->start) * (1'000'000 / ticks);
  return process;
}

std::int64_t ProcProcesses::NumberCount() {
  if (!ReadFile(proc_.get(), "sys/kernel/pid_max", &text_)) return kFewestNumbers;
  return Number<std::int64_t>(text_).value_or(kFewestNumbers);
}

// proc_stat(5): "processes N" on a line of its own.
std::uint64_t ProcProcesses::ForkCount() {
  constexpr std::string_view kLine = "\nprocesses ";
  if (!ReadFile(proc_.get(), "stat", &text_)) return std::numeric_limits<std::uint64_t>::max();
  const std::size_t at = text_.find(kLine);
  if (at == std::string::npos) return std::numeric_limits<std::uint64_t>::max();
  const std::string_view rest = std::string_view(text_).substr(at + kLine.size());
  return Number<std::uint64_t>(rest).value_or(std::numeric_limits<std::uint64_t>::max());
}

}  // namespace cj
