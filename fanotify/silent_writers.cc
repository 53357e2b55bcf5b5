#include "fanotify/silent_writers.h"

#include "fanotify/kernel_writers.h"
#include "fanotify/proc_scan.h"
#include "fanotify/silent_files.h"

namespace cj {

Result<std::vector<SilentWriter>> FindSilentWriters(std::span<const VolumeMount> volumes,
                                                    bool may_query) {
  SilentFiles files(volumes);
  ProcScan processes(&files, may_query);
  CJ_RETURN_IF_ERROR(processes.Run());
  CJ_RETURN_IF_ERROR(AddLoopDevices(&files));
  CJ_RETURN_IF_ERROR(AddSwapFiles(&files));
  return files.Take();
}

Result<std::vector<pid_t>> FindGuardedProcesses() {
  SilentFiles files({});
  ProcScan processes(&files);
  CJ_RETURN_IF_ERROR(processes.Run());
  return processes.guarded();
}

}  // namespace cj
