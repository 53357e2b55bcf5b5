// Where a message goes and what it looks like there.
#include "systemd/log.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>

#include "systemd/message_ids.h"
#include "tests/systemd/fake_systemd.h"

using namespace cj;

namespace {

struct Pipe {
  Pipe() {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
  }
  std::string Name() const {
    struct stat status {};
    REQUIRE(::fstat(write_end.get(), &status) == 0);
    return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
  }
  UniqueFd read_end, write_end;
};

// What `body` writes to stderr, in a child whose stderr is a pipe.
std::string Stderr(const std::function<void()>& body) {
  Pipe pipe;
  CHECK(InChild([&] {
          ::dup2(pipe.write_end.get(), STDERR_FILENO);
          body();
          return 0;
        }) == 0);
  pipe.write_end.reset();
  std::string text(65536, '\0');
  ssize_t got = ::read(pipe.read_end.get(), text.data(), text.size());
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  return text;
}

// A mount namespace in which nothing but our socket is the journal's. Child processes only.
UniqueFd FakeJournal() {
  if (::unshare(CLONE_NEWNS) != 0) return {};
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return {};
  if (::mount("tmpfs", "/run", "tmpfs", 0, nullptr) != 0) return {};
  ::mkdir("/run/systemd", 0755);
  ::mkdir("/run/systemd/journal", 0755);
  return BindUnix("/run/systemd/journal/socket", SOCK_DGRAM);
}

}  // namespace

TEST_CASE("log: the journal is used only by whoever is connected to it") {
  Pipe pipe;
  ScopedVariable pid("SYSTEMD_EXEC_PID", nullptr);
  {
    ScopedVariable stream("JOURNAL_STREAM", pipe.Name().c_str());
    CHECK(ChooseLogTarget(pipe.write_end.get()) == LogTarget::kJournal);
    Pipe other;
    CHECK(ChooseLogTarget(other.write_end.get()) == LogTarget::kPlain);
    CHECK(ChooseLogTarget(-1) == LogTarget::kPlain);
  }
  for (const char* odd : {"", ":", "1:", "x:y", "0:0 "}) {
    ScopedVariable stream("JOURNAL_STREAM", odd);
    CHECK(ChooseLogTarget(pipe.write_end.get()) == LogTarget::kPlain);
  }
}

TEST_CASE("log: prefixes only for a service manager that started us itself") {
  Pipe pipe;
  ScopedVariable stream("JOURNAL_STREAM", nullptr);
  {
    ScopedVariable pid("SYSTEMD_EXEC_PID", std::to_string(::getpid()).c_str());
    CHECK(ChooseLogTarget(pipe.write_end.get()) == LogTarget::kPrefixed);
  }
  ScopedVariable pid("SYSTEMD_EXEC_PID", std::to_string(::getppid()).c_str());
  CHECK(ChooseLogTarget(pipe.write_end.get()) == LogTarget::kPlain);
}

TEST_CASE("log: lines") {
  struct Row {
    LogTarget target;
    Priority priority;
    const char* message;
    const char* lines;
  };
  const Row rows[] = {
      {LogTarget::kPlain, Priority::kInfo, "all is well", "all is well\n"},
      {LogTarget::kPrefixed, Priority::kInfo, "all is well", "<6>all is well\n"},
      {LogTarget::kPrefixed, Priority::kError, "one\ntwo\n", "<3>one\n<3>two\n"},
      {LogTarget::kPlain, Priority::kError, "one\ntwo", "one\ntwo\n"},
      {LogTarget::kPlain, Priority::kDebug, "", "\n"},
      {LogTarget::kPlain, Priority::kInfo, "a\x1b[2Jb\r\x7f\tc \xc3\xa4",
       "a\\x1b[2Jb\\x0d\\x7f\tc \xc3\xa4\n"},
  };
  for (const Row& row : rows) {
    INFO(row.lines);
    CHECK(FormatLogLines(row.target, row.priority, row.message) == row.lines);
  }
}

TEST_CASE("log: the level drops what is less important") {
  ScopedVariable stream("JOURNAL_STREAM", nullptr);
  ScopedVariable pid("SYSTEMD_EXEC_PID", nullptr);
  CHECK(Stderr([] {
          Log(Priority::kDebug, "one");
          Log(Priority::kInfo, "two");
          SetLogLevel(Priority::kDebug);
          Log(Priority::kDebug, "three");
          SetLogLevel(Priority::kError);
          Log(Priority::kWarning, "four");
          Log(Priority::kError, "five");
        }) == "two\nthree\nfive\n");
}

TEST_CASE("log: entries for the journal have their fields") {
  if (::geteuid() != 0) {
    WARN("SKIPPED: a mount namespace with a fake journal needs root");
    return;
  }
  Pipe pipe;
  ScopedVariable stream("JOURNAL_STREAM", pipe.Name().c_str());
  int result = InChild([&] {
    UniqueFd journal = FakeJournal();
    if (!journal) return 1;
    ::dup2(pipe.write_end.get(), STDERR_FILENO);
    Log(Priority::kWarning, "a gap\x1b", {{"CAUSE", "two\nlines"}, {"VOLUME", "7"}}, kMessageGap);
    const std::string entry = ReceiveNow(journal.get());
    // The journal's native protocol: NAME=value lines; a value with a newline is NAME, a newline,
    // its length as 64 little-endian bits, the value.
    const std::string cause = std::string("CAUSE\n\x09\0\0\0\0\0\0\0two\nlines\n", 24);
    for (const std::string& field :
         {std::string("MESSAGE=a gap\\x1b\n"), std::string("PRIORITY=4\n"),
          std::string("SYSLOG_IDENTIFIER=changejournald\n"),
          "MESSAGE_ID=" + std::string(kMessageGap) + "\n", std::string("VOLUME=7\n"), cause}) {
      if (entry.find(field) == std::string::npos) return 2;
    }
    return 0;
  });
  CHECK(result == 0);
}

TEST_CASE("log: a journal that does not listen is replaced by prefixed lines") {
  Pipe pipe;
  ScopedVariable stream("JOURNAL_STREAM", pipe.Name().c_str());
  if (::geteuid() != 0) {
    WARN("SKIPPED: a mount namespace without a journal needs root");
    return;
  }
  CHECK(InChild([&] {
          FakeJournal().reset();
          ::unlink("/run/systemd/journal/socket");
          ::dup2(pipe.write_end.get(), STDERR_FILENO);
          Log(Priority::kError, "no room");
          return 0;
        }) == 0);
  pipe.write_end.reset();
  std::string text(100, '\0');
  ssize_t got = ::read(pipe.read_end.get(), text.data(), text.size());
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  CHECK(text == "<3>no room\n");
}
