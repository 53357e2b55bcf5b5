// The scan of all processes for SilentFiles. Inside this folder only; its argument is in
// silent_writers.h. Not thread-safe; lives for one scan.
#pragma once

#include <sys/types.h>

#include <array>
#include <climits>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "fanotify/kernel_threads.h"
#include "fanotify/mapping_readings.h"
#include "fanotify/silent_files.h"

namespace cj {

class ProcScan {
 public:
  // `may_query` false: as on a kernel without PROCMAP_QUERY. What `kernel_threads` has is passed
  // over, and it learns of others.
  ProcScan(SilentFiles* files, KernelThreads* kernel_threads, bool may_query = true)
      : files_(files), kernel_threads_(kernel_threads), may_query_(may_query) {}
  // Files open for writing count in every process, not only where asynchronous I/O is done.
  void WantAllDescriptors() { all_descriptors_ = true; }
  Status Run();
  // Processes that nobody here may look into although we have every capability for it: they are
  // passed over, and `changectl doctor` names them.
  const std::vector<pid_t>& guarded() const { return guarded_; }

 private:
  struct Mapping {
    std::string range;  // "7f12a000-7f12b000", which is also the name in map_files/
    dev_t device = 0;   // of the superblock
    std::uint64_t inode = 0;
    std::string name;  // the path as the kernel tells it; empty where it is too long
    bool is_ring = false;
  };
  // The name as well: on btrfs the device and the number are those of other subvolumes' files, too.
  using FoundFile = std::tuple<dev_t, std::uint64_t, std::string>;

  Result<std::vector<pid_t>> List(const std::string& directory) const;
  Status ScanProcess(pid_t pid);
  Status ScanOtherThreads(pid_t pid, const std::string& process);
  // Scans the maps in this directory of /proc; *empty is true when there were none (any more).
  Status ScanMaps(pid_t pid, const std::string& directory, bool* empty);
  // Reads maps from their beginning, and leaves in mappings_ those that can matter. *maps is opened
  // if it is not: it stays with the address space that the process had then.
  Status ReadMaps(const std::string& directory, UniqueFd* maps, bool* empty);
  // The two ways of it: asking the kernel for shared mappings only (Linux 6.11), some 20 times
  // faster, or reading all of the text. QueryMaps is false where the kernel cannot be asked.
  Result<bool> QueryMaps(int maps_fd, const std::string& path, bool* empty);
  Status ReadMapsText(int maps_fd, const std::string& path, bool* empty);
  // Looks up what is in mappings_, and adds the files that may be written through it.
  Status LookUpMappings(pid_t pid, const std::string& directory, MappingReadings* readings,
                        bool* asynchronous);
  enum class Looked { kGone, kReadOnly, kWritten };
  Result<Looked> LookUp(pid_t pid, const std::string& directory, const Mapping& mapping);
  Status AddDescriptors(pid_t pid, const std::string& directory);
  Result<pid_t> ParentOf(const std::string& directory);
  bool HasOtherThreads(const std::string& process) const;
  bool ParentWasKnown(pid_t pid, int pass);
  // True when this thread has been put aside since the last call, or since BeginReading().
  void BeginReading();
  bool WasDisturbed();

  SilentFiles* files_;
  KernelThreads* kernel_threads_;
  bool may_query_;
  bool all_descriptors_ = false;
  int proc_ = -1;
  bool may_trace_everything_ = false;
  std::vector<pid_t> guarded_;
  std::unordered_map<pid_t, int> pass_of_;  // in which pass a process was read
  std::string text_;
  // Room for the longest path that the kernel makes.
  std::array<char, PATH_MAX> name_{};
  std::optional<std::uint64_t> switches_;  // of this thread, a moment ago; none: not known
  std::vector<Mapping> mappings_;
  std::set<FoundFile> found_;  // in the process that is being looked at
};

}  // namespace cj
