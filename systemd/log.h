// The daemon's log: structured entries for journald, lines on stderr everywhere else.
//
// Where it goes is decided once, at the first message: to the journal when stderr is connected to
// it (JOURNAL_STREAM names stderr's device and inode, systemd.exec(5)); else to stderr, with the
// "<N>" of sd-daemon(3) before each line when systemd itself started us and stderr is not a
// terminal, and plain otherwise. Any thread. Libraries do not log: they return errors, and the
// service logs once.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace cj {

// As in syslog(3).
enum class Priority : int {
  kError = 3,
  kWarning = 4,
  kNotice = 5,
  kInfo = 6,
  kDebug = 7,
};

// A field of the journal: upper-case letters, digits and '_' in the name, any bytes as value.
struct LogField {
  std::string_view name;
  std::string value;
};

// `message` is a sentence for people: what happened, to what, what to do. Control bytes in it show
// as \xNN, a newline starts another line of the same entry. message_id: one of message_ids.h.
void Log(Priority priority, std::string_view message, std::initializer_list<LogField> fields = {},
         std::string_view message_id = {});

// Drops what is less important. kInfo at the start.
void SetLogLevel(Priority least_important);

// The parts, for tests.
enum class LogTarget { kJournal, kPrefixed, kPlain };
LogTarget ChooseLogTarget(int stderr_fd);
// The lines that go to stderr, each with its newline.
std::string FormatLogLines(LogTarget target, Priority priority, std::string_view message);

}  // namespace cj
