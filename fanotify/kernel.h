// The kernel seam: all that the checkpoint machinery needs of Linux, as an interface, so that tests
// can order events as they like. The real one is LinuxKernel().
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "fanotify/pre_group.h"
#include "fanotify/volume.h"

namespace cj {

// One post group (FAN_CLASS_NOTIF | FAN_REPORT_DFID_NAME_TARGET): a kernel queue and its marks.
// One thread reads; Mark and Unmark may be called from another at the same time. Destruction takes
// up to some 20 ms (an SRCU grace period and its ignore marks): do it where nobody waits.
class EventGroup {
 public:
  virtual ~EventGroup() = default;
  // Puts a filesystem mark for kPostEventMask on the volume. Opens volume.path only for the call,
  // checks that it still is that filesystem. kUnsupported says what to do instead (overlayfs: watch
  // its upper directory; btrfs subvolume: watch the top level; procfs: not possible).
  virtual Status Mark(const VolumeMount& volume) = 0;
  // Takes the mark off again; a volume that has been unmounted is a success.
  virtual Status Unmark(const VolumeMount& volume) = 0;
  // Whether the group has a mark on the volume. kNotFound: it is not at volume.path, nothing is, or
  // another filesystem.
  virtual Result<bool> HasMark(const VolumeMount& volume) = 0;
  // Reads whole events, never blocks. 0: the queue was empty. `buffer` holds at least 4096 bytes.
  virtual Result<std::size_t> Read(std::span<std::byte> buffer) = 0;
  // How many events wait now; at most so many reads' worth are needed to take them. Walks the queue
  // under its lock: for rare use. UINT64_MAX where it cannot be told. The reading thread's.
  virtual std::uint64_t QueuedEvents() { return UINT64_MAX; }
  // Any thread, while the group lives. Changes of this file's data (MODIFY, and nothing else) are
  // not reported to this group any more: until the inode leaves memory, or ForgetIgnored(). False:
  // no mark was made. `file` as OpenFile() gave it.
  virtual bool IgnoreModify(int file) = 0;
  // Any thread. Everything is reported again.
  virtual void ForgetIgnored() = 0;
  // For poll(2); -1 where there is none.
  virtual int fd() const = 0;
};

// A file that may change without an event: mapped shared and writable by some process, open for
// writing in a process with an asynchronous I/O context (io_submit(2) sends no MODIFY), or the
// backing file of a loop device. `parent` and `name` are where it is now; both empty when that
// could not be found (renamed in the meantime). Files without any name (link count 0) are left out:
// no path shows them.
struct SilentWriter {
  VolumeId volume;
  FileHandle object;
  FileHandle parent;
  std::string name;
  std::int32_t pid = 0;
  std::int64_t ctime_nsec = 0;  // when it was looked at; 0: not known
};

class Kernel {
 public:
  virtual ~Kernel() = default;
  // unlimited_queue false: the kernel's own limit (fs.fanotify.max_queued_events) and
  // FAN_Q_OVERFLOW.
  virtual Result<std::unique_ptr<EventGroup>> CreateGroup(bool unlimited_queue) = 0;
  // A group that another process of this program has made. kInvalidArgument: it is not a group.
  virtual Result<std::unique_ptr<EventGroup>> AdoptGroup(UniqueFd fd) = 0;
  // The regular file with this handle, for IgnoreModify(); invalid: there is none. Any thread.
  virtual UniqueFd OpenFile(const VolumeMount& volume, HandleView object) = 0;
  // Returns when every notification that could have missed a mark added before this call has
  // finished queueing (docs/race-freedom.md). 0.03 to 20 ms, mostly below 1. Any thread.
  virtual Status Barrier() = 0;
  // All silent writers on these volumes at some moment during the call. A process that appears
  // while the scan runs is scanned too. kNotFound: a volume is not there. Any thread.
  virtual Result<std::vector<SilentWriter>> ScanSilentWriters(
      std::span<const VolumeMount> volumes) = 0;
  // A group for permission events (strict mode). kUnsupported: this kernel has none.
  virtual Result<std::unique_ptr<PreGroup>> CreatePreGroup(PreMode mode) {
    return CreateLinuxPreGroup(mode);
  }
  // All files on these volumes that some process has open for writing, or mapped, at some moment
  // during the call, and those of ScanSilentWriters(). A file that is open nowhere but in a
  // descriptor on its way through a socket, in io_uring's fixed files or in a server inside the
  // kernel is not found. Any thread.
  virtual Result<std::vector<SilentWriter>> ScanOpenWriters(std::span<const VolumeMount> volumes);
};

// The kernel this program runs on. Lives as long as the program.
Kernel& LinuxKernel();

}  // namespace cj
