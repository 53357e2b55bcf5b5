#include "systemd/log.h"

#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace cj {
namespace {

std::atomic<int> log_level{static_cast<int>(Priority::kInfo)};

// JOURNAL_STREAM is "<device>:<inode>" of what systemd connected stdout or stderr to; a program
// that was given another stderr since (by a shell, for instance) inherits the variable, not the
// stream.
bool IsJournalStream(int fd) {
  const char* variable = std::getenv("JOURNAL_STREAM");
  struct stat status {};
  if (variable == nullptr || ::fstat(fd, &status) != 0) return false;
  return variable == std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
}

// SYSTEMD_EXEC_PID is inherited, too, but it is our number only when systemd started us itself.
bool StartedBySystemd() {
  const char* variable = std::getenv("SYSTEMD_EXEC_PID");
  return variable != nullptr && variable == std::to_string(::getpid());
}

std::string Printable(std::string_view line) {
  std::string out;
  for (char c : line) {
    auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\t') || byte == 0x7f) {
      std::array<char, 5> escaped{};
      std::snprintf(escaped.data(), escaped.size(), "\\x%02x", byte);
      out += escaped.data();
    } else {
      out += c;
    }
  }
  return out;
}

// The lines of a message, each printable, joined by newlines. At least one, even if empty.
std::string PrintableLines(std::string_view message) {
  std::string out;
  for (;;) {
    std::size_t end = message.find('\n');
    out += Printable(message.substr(0, end));
    if (end == std::string_view::npos || end + 1 == message.size()) return out;
    out += '\n';
    message.remove_prefix(end + 1);
  }
}

void WriteStderr(std::string_view text) {
  while (!text.empty()) {
    ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // nobody is left to be told
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

// sd_journal_sendv(3) says 0 also when no journal listens, and the message is lost.
bool JournalListens() { return ::access("/run/systemd/journal/socket", W_OK) == 0; }

bool SendToJournal(Priority priority, std::string_view message,
                   std::initializer_list<LogField> fields, std::string_view message_id) {
  if (!JournalListens()) return false;
  std::vector<std::string> entries;
  entries.reserve(fields.size() + 4);
  entries.push_back("MESSAGE=" + PrintableLines(message));
  entries.push_back("PRIORITY=" + std::to_string(static_cast<int>(priority)));
  entries.push_back("SYSLOG_IDENTIFIER=changejournald");
  if (!message_id.empty()) entries.push_back("MESSAGE_ID=" + std::string(message_id));
  for (const LogField& field : fields) {
    entries.push_back(std::string(field.name) + "=" + field.value);
  }
  std::vector<iovec> vectors;
  vectors.reserve(entries.size());
  for (std::string& entry : entries) vectors.push_back({entry.data(), entry.size()});
  return ::sd_journal_sendv(vectors.data(), static_cast<int>(vectors.size())) == 0;
}

}  // namespace

LogTarget ChooseLogTarget(int stderr_fd) {
  if (IsJournalStream(stderr_fd)) return LogTarget::kJournal;
  if (StartedBySystemd() && ::isatty(stderr_fd) == 0) return LogTarget::kPrefixed;
  return LogTarget::kPlain;
}

std::string FormatLogLines(LogTarget target, Priority priority, std::string_view message) {
  const std::string prefix = target == LogTarget::kPlain
                                 ? std::string()
                                 : "<" + std::to_string(static_cast<int>(priority)) + ">";
  std::string out = prefix;
  for (char c : PrintableLines(message)) {
    out += c;
    if (c == '\n') out += prefix;
  }
  return out + "\n";
}

void Log(Priority priority, std::string_view message, std::initializer_list<LogField> fields,
         std::string_view message_id) {
  if (static_cast<int>(priority) > log_level.load(std::memory_order_relaxed)) return;
  static const LogTarget target = ChooseLogTarget(STDERR_FILENO);
  if (target == LogTarget::kJournal && SendToJournal(priority, message, fields, message_id)) return;
  // A journal that does not take entries may still take lines: stderr is its stream.
  WriteStderr(FormatLogLines(target, priority, message));
}

void SetLogLevel(Priority least_important) {
  log_level.store(static_cast<int>(least_important), std::memory_order_relaxed);
}

}  // namespace cj
