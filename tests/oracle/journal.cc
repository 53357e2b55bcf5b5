#include "tests/oracle/journal.h"

#include <signal.h>
#include <sys/stat.h>

#include <fstream>

namespace cj::oracle {
namespace {

constexpr std::chrono::seconds kStartDeadline{60};
constexpr std::chrono::seconds kStopDeadline{60};
constexpr int kRescanNeeded = 3;

// What the daemon says of a list that renames have overtaken each time it was made.
constexpr const char* kOvertaken = "renamed while the list was made; ask again";

Error Unexpected(const std::string& what, const CommandResult& result) {
  ErrorCode code = ErrorCode::kIo;
  if (result.exit_status == kRescanNeeded) code = ErrorCode::kRescanNeeded;
  if (result.errors.find(kOvertaken) != std::string::npos) code = ErrorCode::kBusy;
  return {code,
          what + ": exit status " + std::to_string(result.exit_status) + ": " + result.errors};
}

std::string ShellQuote(const std::string& word) {
  std::string quoted = "'";
  for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return quoted + "'";
}

std::string StrictSettings(const std::string& strict) {
  const bool sync = strict == "open-sync";
  return "PreModify=" + (sync ? "open" : strict) + "\nDurability=" + (sync ? "sync" : "wal") + "\n";
}

}  // namespace

Result<Journal> Journal::Start(const JournalSetup& setup) {
  mkdir(setup.state_directory.c_str(), 0700);
  const std::string configuration = setup.work_directory + "/changejournal.conf";
  {
    std::ofstream file(configuration);
    file << "[Journal]\nStateDirectory=" << setup.state_directory
         << "\n\n[Watch]\nPath=" << setup.watch << "\nExclude=" << setup.exclude << "\n"
         << StrictSettings(setup.strict);
    if (!file.flush()) return Error{ErrorCode::kIo, "cannot write " + configuration};
  }
  CJ_ASSIGN_OR_RETURN(ReadySocket ready, ReadySocket::Make(setup.work_directory + "/notify"));
  const std::string log = setup.work_directory + "/daemon.log";
  CJ_ASSIGN_OR_RETURN(Child daemon, StartCommand({setup.daemon, "--config=" + configuration,
                                                  "--socket=" + setup.work_directory + "/socket"},
                                                 log, {ready.environment()}));
  const Status status = ready.Wait(daemon, kStartDeadline);
  if (!status) return WithContext(status.error(), "see " + log);
  return Journal(setup, std::move(daemon));
}

Result<CommandResult> Journal::Ask(std::vector<std::string> words) {
  std::vector<std::string> command = {setup_.changectl, "--socket=" + socket()};
  command.insert(command.end(), words.begin(), words.end());
  CJ_ASSIGN_OR_RETURN(CommandResult result, RunCommand(command));
  if (result.exit_status != 0) return Unexpected("changectl " + words[0], result);
  return result;
}

Result<std::string> Journal::Checkpoint() {
  CJ_ASSIGN_OR_RETURN(const CommandResult result, Ask({"checkpoint"}));
  const std::size_t end = result.output.find('\n');
  if (end == std::string::npos || end + 1 != result.output.size() || end == 0) {
    return Unexpected("checkpoint printed more or less than one line", result);
  }
  return result.output.substr(0, end);
}

Result<Answer> Journal::Changes(const std::string& since, AnswerFormat format, bool checkpoint) {
  std::vector<std::string> words = {"changes", "--since=" + since};
  if (!checkpoint) words.emplace_back("--no-checkpoint");
  if (format == AnswerFormat::kJson) {
    words.emplace_back("--format=json");
    CJ_ASSIGN_OR_RETURN(const CommandResult result, Ask(std::move(words)));
    return ParseJsonAnswer(result.output);
  }
  words.insert(words.end(), {"-0", "--expand"});
  CJ_ASSIGN_OR_RETURN(const CommandResult result, Ask(std::move(words)));
  return ParseNullAnswer(result.output, result.errors);
}

Status Journal::StartMirror() {
  CJ_ASSIGN_OR_RETURN(const CommandResult result,
                      RunCommand({setup_.changectl, "--socket=" + socket(), "changes",
                                  "--token-file=" + token_file(), "-0", "--expand"}));
  if (result.exit_status != kRescanNeeded) {
    return Unexpected("changes with a token file that is not there yet", result);
  }
  return {};
}

Status Journal::Mirror(const std::string& destination) {
  // --checksum and --modify-window, because the writers change files without changing their size or
  // the second of their mtime, which is what rsync's quick check cannot see. 23 and 24: files that
  // changed or went meanwhile.
  const std::string script =
      "set -o pipefail; " + ShellQuote(setup_.changectl) + " --socket=" + ShellQuote(socket()) +
      " changes --token-file=" + ShellQuote(token_file()) +
      " -q -0 --expand --relative-to=" + ShellQuote(setup_.watch) +
      " | { rsync -aHAX --checksum --modify-window=-1 --from0 --files-from=- --delete-missing-args "
      "--force " +
      ShellQuote(setup_.watch + "/") + " " + ShellQuote(destination + "/") +
      " || { status=$?; [ $status = 23 ] || [ $status = 24 ] || exit $status; }; }";
  CJ_ASSIGN_OR_RETURN(const CommandResult result, RunCommand({"bash", "-c", script}));
  if (result.exit_status != 0) return Unexpected("the rsync mirror", result);
  return {};
}

Result<std::string> Journal::StatusText() {
  CJ_ASSIGN_OR_RETURN(CommandResult result, Ask({"status"}));
  return std::move(result.output);
}

Result<std::string> Journal::Records() {
  CJ_ASSIGN_OR_RETURN(CommandResult result, Ask({"log", "--output=json"}));
  return std::move(result.output);
}

Status Journal::Kill() {
  CJ_RETURN_IF_ERROR(daemon_.End(SIGKILL, kStopDeadline));
  return {};
}

Status Journal::Stop() {
  CJ_ASSIGN_OR_RETURN(const int status, daemon_.End(SIGTERM, kStopDeadline));
  if (status != 0) {
    return Error{ErrorCode::kIo, "the daemon ended with status " + std::to_string(status)};
  }
  return {};
}

}  // namespace cj::oracle
