#include "base/thread_annotations.h"
#include "fanotify/barrier.h"
#include "fanotify/group.h"
#include "fanotify/kernel.h"
#include "fanotify/kernel_threads.h"
#include "fanotify/silent_writers.h"

namespace cj {
namespace {

class RealKernel : public Kernel {
 public:
  Result<std::unique_ptr<EventGroup>> CreateGroup(bool unlimited_queue) override {
    return CreateEventGroup(unlimited_queue);
  }
  Result<std::unique_ptr<EventGroup>> AdoptGroup(UniqueFd fd) override {
    return AdoptEventGroup(std::move(fd));
  }
  UniqueFd OpenFile(const VolumeMount& volume, HandleView object) override {
    return OpenRegularFile(volume, object);
  }
  Status Barrier() override { return WaitForNotifications(); }
  Result<std::vector<SilentWriter>> ScanSilentWriters(
      std::span<const VolumeMount> volumes) override {
    MutexLock lock(mutex_);
    return FindSilentWriters(volumes, true, &kernel_threads_);
  }

 private:
  Mutex mutex_;  // one scan at a time
  KernelThreads kernel_threads_ GUARDED_BY(mutex_);
};

}  // namespace

Result<std::vector<SilentWriter>> Kernel::ScanOpenWriters(std::span<const VolumeMount> volumes) {
  return FindOpenWriters(volumes);
}

Kernel& LinuxKernel() {
  static RealKernel kernel;
  return kernel;
}

}  // namespace cj
