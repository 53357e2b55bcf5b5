// Files that change without an event: see SilentWriter in kernel.h. Inside this folder and its
// tests only. Any thread; one call takes some 4 ms of processor time with 200 programs, three times
// that where the kernel lacks PROCMAP_QUERY (before 6.11). The kernel's own threads, which are most
// of what /proc lists on a quiet machine, cost nothing once they are known (kernel_threads.h).
//
// What is looked at: shared mappings of files that were open for writing when they were mapped
// (proc_scan.cc), files open for writing in processes with an asynchronous I/O context
// (io_submit(2) sends no MODIFY), the backing files of loop devices, and swap files
// (kernel_writers.cc).
//
// Why the scan of /proc misses no mapping that is there throughout.
//
// One process: its maps are read at least twice, and until each file of the first two readings has
// been looked at or unmapped (mapping_readings.h). To be missed, a mapping would have to be moved
// by mremap(2) twice, each time across the place that is being read. They are of one
// address space, unless a mapping was not where it should be: one that execve(2) puts in its place
// holds only mappings that were made after the scan had begun.
//
// Processes that end: one that is gone before it is read left nothing but what it gave to its
// children, because the kernel queues CLOSE_WRITE for the last reference to a file before the
// process can be reaped.
//
// Processes that begin: each has the mappings that its parent had at that moment. Those are known
// if the parent had been read. So /proc is listed again until a listing shows nobody unread. That
// need not happen while others fork all the time. But once the parent of a newcomer was read before
// the previous listing began, the newcomer was born after that reading and has nothing unknown.
// After kSettledPass listings we therefore stop when this holds for every newcomer. Orphans that
// were given to process 1 keep us listing, up to kMaxPasses and then a refusal. Those given to
// another reaper (PR_SET_CHILD_SUBREAPER), which cannot be told from its own children, would take a
// chain of kSettledPass - 1 forks, each by a process that lived shorter than one pass, to mislead
// us.
//
// Mappings that are being removed during the scan (munmap, exit or execve under way) may be in
// neither the scan nor the queue yet: CLOSE_WRITE is queued when that system call returns, that is,
// when the removal has completed. For the exit of a process that somebody else looks into (ps, top)
// at that moment: when the other's look has ended.
//
// Not found are mappings made through an overlayfs (/proc shows the overlay's inode, not the upper
// one), and files that a process has written by io_submit(2) and holds open after it destroyed the
// context. Both send CLOSE_WRITE in the end; capabilities.cc says so to people.
//
// Events that this scan causes: looking into a process holds its address space for a moment. If the
// process exits in that moment, the kernel tears down its mappings in our name, and the CLOSE_WRITE
// of its files carries our pid (tests/fanotify/scan_races_test.cc shows it). So nobody may drop
// events for carrying our pid.
#pragma once

#include <sys/types.h>

#include <span>
#include <vector>

#include "base/result.h"
#include "fanotify/kernel.h"
#include "fanotify/kernel_threads.h"

namespace cj {

// Listings of /proc after which newcomers with parents that are known for long need not be awaited.
inline constexpr int kSettledPass = 4;
// Listings of /proc after which we give up (kLimit). Never reached by make -j or the like.
inline constexpr int kMaxPasses = 64;
// Readings of one process's maps before we give up on it (kBusy): a file that it keeps mapped was
// at another place each time.
inline constexpr int kMaxMapsReadings = 64;

// Processes that a scan has to pass over although we have CAP_SYS_PTRACE: a security module or a
// container's border guards them. What they write through mappings is seen when the mapping goes.
Result<std::vector<pid_t>> FindGuardedProcesses();

// `may_query` false makes it work as on kernels before 6.11, for tests and comparison. With
// `kernel_threads`, which one call at a time may use, those need not be looked into every time.
Result<std::vector<SilentWriter>> FindSilentWriters(std::span<const VolumeMount> volumes,
                                                    bool may_query = true,
                                                    KernelThreads* kernel_threads = nullptr);

// Those, and every file that a process has open for writing; see Kernel::ScanOpenWriters. Takes
// about 1 us more for each descriptor of the machine.
Result<std::vector<SilentWriter>> FindOpenWriters(std::span<const VolumeMount> volumes);

}  // namespace cj
