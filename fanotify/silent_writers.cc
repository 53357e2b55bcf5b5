#include "fanotify/silent_writers.h"

#include "fanotify/kernel_writers.h"
#include "fanotify/proc_scan.h"
#include "fanotify/silent_files.h"

namespace cj {
namespace {

Result<std::vector<SilentWriter>> Scan(ProcScan* processes, SilentFiles* files) {
  CJ_RETURN_IF_ERROR(processes->Run());
  CJ_RETURN_IF_ERROR(AddLoopDevices(files));
  CJ_RETURN_IF_ERROR(AddSwapFiles(files));
  return files->Take();
}

}  // namespace

Result<std::vector<SilentWriter>> FindSilentWriters(std::span<const VolumeMount> volumes,
                                                    bool may_query, KernelThreads* kernel_threads) {
  CJ_ASSIGN_OR_RETURN(SilentFiles files, SilentFiles::Of(volumes));
  KernelThreads none(0);
  ProcScan processes(&files, kernel_threads != nullptr ? kernel_threads : &none, may_query);
  return Scan(&processes, &files);
}

Result<std::vector<SilentWriter>> FindOpenWriters(std::span<const VolumeMount> volumes) {
  CJ_ASSIGN_OR_RETURN(SilentFiles files, SilentFiles::Of(volumes));
  KernelThreads none(0);
  ProcScan processes(&files, &none);
  processes.WantAllDescriptors();
  return Scan(&processes, &files);
}

Result<std::vector<pid_t>> FindGuardedProcesses() {
  CJ_ASSIGN_OR_RETURN(SilentFiles files, SilentFiles::Of({}));
  KernelThreads none(0);
  ProcScan processes(&files, &none);
  CJ_RETURN_IF_ERROR(processes.Run());
  return processes.guarded();
}

}  // namespace cj
