// One run of the oracle: a filesystem, a daemon, somebody who changes the tree, and a reader that
// asks and copies. Single-threaded.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "tests/oracle/comparison.h"
#include "tests/oracle/journal.h"
#include "tests/oracle/operation_log.h"
#include "tests/oracle/options.h"
#include "tests/oracle/random.h"
#include "tests/oracle/replica.h"
#include "tests/oracle/workload.h"
#include "tests/support/filesystems.h"

namespace cj::oracle {

class Run {
 public:
  explicit Run(Options options);

  // Everything up to the verdict. kUnsupported: this machine cannot (a skip, not a failure).
  Status Execute();
  // The end of what the daemon logged.
  std::string DaemonLog() const;
  // Paths that the answers missed, over all comparisons.
  std::size_t missed() const { return missed_; }

 private:
  Status PreparePlaces();
  Status StartAll();
  Status FirstCopy();
  Status AskAtLeisure();
  Status AskAndApply();
  Status AskJournal(Answer* answer);
  void Apply(const Answer& answer);
  Status MirrorHeld();
  Status CopyWhole();
  // Everything anew: what the journal asked for, or what a mirror starts with. Writers are held.
  Status CopyMirror();
  // Holds the writers, asks, and compares; they are still held when it returns.
  Status CompareHeld(const char* when);
  Status AskAndCompare(const char* when);
  void Judge(const char* which, const char* when, const std::vector<Difference>& differences);
  void KeepRecords();
  Status ChangeWithheld();
  std::string Relative(const std::string& path) const;
  bool IgnoredByComparison(const std::string& relative) const;
  bool IgnoredByReplica(const std::string& relative) const;
  void Summarize() const;

  Options options_;
  Random random_;
  // Declared, and so destroyed, in this order: users of the mounts end before the mounts do.
  TemporaryDirectory work_directory_;
  std::optional<TestFilesystem> source_filesystem_;
  std::optional<TestFilesystem> replica_filesystem_;
  std::optional<TestFilesystem> mirror_filesystem_;
  std::string work_;
  std::string logs_;
  std::string volume_;  // the filesystem that is worked on
  std::string watch_;
  std::string outside_;
  std::string state_;
  bool mirror_wanted_ = false;
  bool withholding_ = false;
  std::unique_ptr<OperationLog> log_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<Workload> workload_;
  std::unique_ptr<Replica> replica_;
  std::string token_;
  std::vector<std::string> old_tokens_;
  std::vector<double> answer_milliseconds_;
  std::uint64_t reported_ = 0;
  std::uint64_t lists_refused_ = 0;  // answers that only JSON could give
  bool waited_ = false;              // the writers did, for the last answer
  std::uint64_t waits_ = 0;
  std::uint64_t rescans_ = 0;  // times that everything had to be scanned anew
  std::size_t missed_ = 0;
  ReplicaCounters first_copy_;
};

}  // namespace cj::oracle
