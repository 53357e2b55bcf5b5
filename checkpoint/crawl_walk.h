// The walk of a crawl: looks at everything below a directory with some threads, and hands over what
// has a change time from `since_usec` on. A directory that has is handed over as one below which
// anything may have changed, and not entered: what is in it is told by that.
//
// Directories are opened by their handles: nothing that is renamed, replaced or named oddly
// meanwhile leads to another filesystem, and no path is too long. Other mounts are not entered. A
// directory that goes meanwhile is told by its own events; one that cannot be read counts as
// changed.
//
// Memory is bounded by kMaxWaiting directories that are still to be walked; where there are more,
// they are walked at once by whoever finds them. Descriptors: two for each thread, and one for
// each such directory, at most kMaxNesting.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/thread_annotations.h"
#include "base/unique_fd.h"
#include "checkpoint/crawl_plan.h"
#include "journal/record.h"

namespace cj {

// More would only wait for each other: two keep a disk's queue filled, and leave a machine its
// processors.
inline constexpr std::size_t kCrawlThreads = 2;
// Directories that wait to be walked: some 10 MiB.
inline constexpr std::size_t kMaxWaiting = 64 * 1024;
// Beyond this, a directory counts as changed instead of being walked.
inline constexpr std::size_t kMaxNesting = 64;
// So does one that lies so deep that its path is this long.
inline constexpr std::size_t kMaxCrawlPath = 64 * 1024;
// Found records are handed over when there are so many, or after a second.
inline constexpr std::size_t kCrawlBatch = 1024;
// Where so many directories cannot be read, the disk is at fault, and the walk ends with its error.
inline constexpr std::uint64_t kMaxUnreadable = 100;

struct CrawlLimits {
  std::uint64_t entries_per_second = 0;  // 0: as fast as idle I/O priority lets it
  std::size_t max_waiting = kMaxWaiting;
  std::size_t max_nesting = kMaxNesting;
  std::size_t max_path = kMaxCrawlPath;
};

// Of one crawl, from any thread.
struct CrawlCounters {
  std::atomic<std::uint64_t> directories = 0;  // walked
  std::atomic<std::uint64_t> entries = 0;      // looked at
  std::atomic<std::uint64_t> changed = 0;      // told as changed, directories included
  std::atomic<std::uint64_t> unreadable = 0;
};

// What the walk hands over: records without period and number, and directories directly below the
// root of which all has been handed over.
struct WalkFound {
  std::vector<Record> records;
  std::vector<FileHandle> finished;
};
using WalkSink = std::function<Status(WalkFound)>;

// Whether the watch's tree is there to be walked: kNotFound says why not.
Status CheckPresent(const Watch& watch);

// Walks the part and returns when all of it has been taken by `sink`, which is called on this
// thread. kCancelled: *cancelled became true; kNotFound: the tree is not there, or went; another
// error is of the sink or the disk. `clock` is for the records' times and for the rate.
Status WalkPart(const Watch& watch, const CrawlPart& part, const CrawlLimits& limits, Clock& clock,
                const std::atomic<bool>& cancelled, CrawlCounters& counters, const WalkSink& sink);

}  // namespace cj
