// changectl: asks the daemon and shows what it says.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "base/clock.h"
#include "client/command_line.h"
#include "client/git_fsmonitor_command.h"
#include "client/session.h"
#include "client/silence_note.h"

namespace cj::client {
namespace {

// A descriptor that the caller has closed would be the next one opened, and output would go into
// the daemon's socket. Closed ones become descriptors that can be neither read nor written.
void KeepStandardDescriptors() {
  for (int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF) {
      if (::open("/", O_PATH | O_CLOEXEC) != fd) std::abort();
    }
  }
}

std::string WorkingDirectory() {
  std::array<char, PATH_MAX> buffer{};
  return ::getcwd(buffer.data(), buffer.size()) != nullptr ? std::string(buffer.data())
                                                           : std::string("/");
}

Style StyleOf(int fd) {
  const char* no_colour = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  Style style;
  style.terminal = ::isatty(fd) == 1;
  style.colour = style.terminal && (no_colour == nullptr || *no_colour == '\0') &&
                 terminal != nullptr && std::string(terminal) != "dumb";
  return style;
}

int Finish(const Outcome& outcome) {
  for (std::size_t at = 0; at < outcome.message.size();) {
    std::size_t end = std::min(outcome.message.find('\n', at), outcome.message.size());
    std::fprintf(stderr, "changectl: %s\n", outcome.message.substr(at, end - at).c_str());
    at = end + 1;
  }
  return static_cast<int>(outcome.status);
}

Outcome Run(const Options& options, const UtcOffset& zone) {
  if (options.verb == Verb::kGitFsmonitor) return RunGitFsmonitor(options.socket, options.git);
  Connection connection(cj_new());
  const int connected = cj_connect(connection.get(), options.socket.c_str());
  if (connected < 0) {
    // Nothing that keeps us from the socket is the caller's usage or the answer's failure.
    return Fail(connected == -EACCES ? ExitStatus::kNotPermitted : ExitStatus::kNotReachable,
                cj_error_text(cj_last_error(connection.get())));
  }
  const SilenceNote note(options.socket);
  Session session{.connection = std::move(connection),
                  .style = StyleOf(STDOUT_FILENO),
                  .zone = zone,
                  .progress = ::isatty(STDERR_FILENO) == 1};
  switch (options.verb) {
    case Verb::kStatus:
      return RunStatus(session, options);
    case Verb::kCheckpoint:
      return RunCheckpoint(session, options);
    case Verb::kChanges:
      return RunChanges(session, options.changes);
    case Verb::kLog:
      return RunLog(session, options.log);
    case Verb::kPeriods:
      return RunPeriods(session, options);
    case Verb::kFollow:
      return RunFollow(session, options);
    case Verb::kExplain:
      return RunExplain(session, options);
    case Verb::kConsumerAdd:
      return RunConsumerAdd(session, options);
    case Verb::kConsumerList:
      return RunConsumerList(session, options);
    case Verb::kConsumerRemove:
      return RunConsumerRemove(session, options);
    case Verb::kAck:
      return RunAck(session, options);
    case Verb::kCrawl:
      return RunCrawl(session, options);
    case Verb::kDoctor:
      return RunDoctor(session, options);
    case Verb::kMetrics:
      return RunMetrics(session, options);
    case Verb::kTop:
      return RunTop(session, options);
    case Verb::kGitFsmonitor:
      break;  // needs no daemon, see above
  }
  return {};
}

int Main(const std::vector<std::string>& words) {
  KeepStandardDescriptors();
  // A reader that goes away is an error of write(2), so that a token file is left alone for a
  // reason that we know; see FinishOutput.
  std::signal(SIGPIPE, SIG_IGN);
  Surroundings surroundings{Clock::System().RealtimeUsec(), LocalUtcOffset(), WorkingDirectory()};
  CommandLine line = ParseCommandLine(words, surroundings);
  if (!line.output.empty()) {
    Output out(STDOUT_FILENO);
    out.Write(line.output);
    Status written = out.Flush();
    return written ? 0 : Finish(Fail(ExitStatus::kFailed, written.error().message));
  }
  if (!line.options) return Finish(line.outcome);
  return Finish(Run(*line.options, surroundings.utc_offset));
}

}  // namespace
}  // namespace cj::client

int main(int argc, char** argv) {
  try {
    return cj::client::Main(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const std::exception& exception) {  // out of memory: libraries throw, our code does not
    std::fprintf(stderr, "changectl: %s\n", exception.what());
    return static_cast<int>(cj::client::ExitStatus::kFailed);
  }
}
