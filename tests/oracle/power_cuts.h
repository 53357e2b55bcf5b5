// Power cuts: in the middle of the writers' work a filesystem is shut down as if its power had gone
// (what it had not written is lost), mounted again, and the question is whether everything at which
// the tree now differs from the copy is told. Lost work is a change as well: a file that was copied
// and is an older one again.
//
// Who is cut: the watched volume, like a disk that is pulled, with the daemon going on; the volume
// of the journal; both, and then the daemon is killed in the same moment and started afterwards.
// ext4 and xfs. Or nobody's: the watched volume is unmounted and mounted again between two bursts
// of work, the second of which begins before anybody has told the daemon (also btrfs).
// Single-threaded.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "tests/oracle/journal.h"
#include "tests/oracle/options.h"
#include "tests/oracle/random.h"
#include "tests/oracle/replica.h"
#include "tests/oracle/workload.h"
#include "tests/support/filesystems.h"

namespace cj::oracle {

class PowerCuts {
 public:
  explicit PowerCuts(Options options);

  // options.cuts cuts. kUnsupported: this machine cannot.
  Status Execute();
  std::string DaemonLog() const;
  std::size_t missed() const { return missed_; }

 private:
  enum class Which { kWatched, kState, kBoth, kUnmount };

  Status Prepare();
  Status StartWriters();
  void SyncVolumes() const;
  Status StartDaemon();
  Status FirstCopy();
  Status WorkAWhile();
  Status AwaitOperations(std::uint64_t operations);
  Status Cut(Which which);
  Status Unmount();
  Status Remount(TestFilesystem* filesystem);
  Which Choose();
  // Asks until the answer comes, applies it, and compares when nobody writes.
  Status AskAndApply(bool checkpoint);
  Status CompareAfter(Which which);
  bool Ignored(const std::string& relative) const;
  void Summarize() const;

  Options options_;
  Random random_;
  TemporaryDirectory work_directory_;
  std::optional<TestFilesystem> watched_;
  std::optional<TestFilesystem> state_;
  std::optional<TestFilesystem> copy_;
  std::string logs_;
  std::string watch_;
  std::unique_ptr<Journal> journal_;
  std::unique_ptr<Workload> writers_;
  std::unique_ptr<Replica> replica_;
  std::string token_;
  std::uint64_t generation_ = 0;  // of writers
  std::uint64_t cuts_[4] = {};
  std::uint64_t refused_ = 0;  // answers that said: copy everything anew
  std::uint64_t reported_ = 0;
  ReplicaCounters first_copy_;
  std::size_t missed_ = 0;
};

}  // namespace cj::oracle
