// The daemon under test and the questions put to it, through its public command lines only.
// Not thread-safe.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "tests/oracle/answer.h"
#include "tests/oracle/options.h"
#include "tests/oracle/process.h"

namespace cj::oracle {

struct JournalSetup {
  std::string daemon;
  std::string changectl;
  std::string work_directory;  // configuration, socket and log go here
  std::string state_directory;
  std::string watch;    // the tree to watch
  std::string exclude;  // a pattern
  std::string strict;   // Options::strict
};

enum class AnswerFormat { kJson, kNullExpanded };

class Journal {
 public:
  // Starts the daemon and waits until it is ready.
  static Result<Journal> Start(const JournalSetup& setup);

  Result<std::string> Checkpoint();
  // `changes --since=since`, up to a new checkpoint, or up to now without one. kRescanNeeded when
  // the journal refuses (exit status 3), kBusy when renames have overtaken a list again and again.
  Result<Answer> Changes(const std::string& since, AnswerFormat format, bool checkpoint);
  // The mirror line of the manual: changectl into rsync, with the token kept in a file. Nobody may
  // write meanwhile: rsync opens a file by its name, and waits for ever if that has become a FIFO.
  Status Mirror(const std::string& destination);
  // Creates the token file of Mirror (exit status 3 is what the manual promises then).
  Status StartMirror();

  bool running() const { return daemon_.running(); }
  std::uint64_t PeakResidentKib() const { return ProcessStatus(daemon_.pid(), "VmHWM"); }
  // The daemon's own account of itself.
  Result<std::string> StatusText();
  // Every record, one JSON object a line: what to look at when an answer has missed something.
  Result<std::string> Records();
  // SIGKILL.
  Status Kill();
  // SIGTERM; anything but a clean end is an error.
  Status Stop();
  std::string log_file() const { return setup_.work_directory + "/daemon.log"; }

 private:
  Journal(JournalSetup setup, Child daemon)
      : setup_(std::move(setup)), daemon_(std::move(daemon)) {}
  Result<CommandResult> Ask(std::vector<std::string> words);
  std::string socket() const { return setup_.work_directory + "/socket"; }
  std::string token_file() const { return setup_.work_directory + "/mirror.token"; }

  JournalSetup setup_;
  Child daemon_;
};

}  // namespace cj::oracle
