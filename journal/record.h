// One stored event, and what travels with it. Plain values; docs/format.md has the bytes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fanotify/file_handle.h"
#include "fanotify/volume.h"
#include "journal/ids.h"

namespace cj {

// What happened, as bits: the kernel merges several operations on one object into one event, and
// their order inside it is lost.
enum Operation : std::uint32_t {
  kCreated = 1U << 0,      // entry: name appeared in parent
  kDeleted = 1U << 1,      // entry: name went from parent
  kRenamed = 1U << 2,      // entry: from (old_parent, old_name) to (parent, name)
  kModified = 1U << 3,     // data
  kClosedWrite = 1U << 4,  // data: a file open for writing was closed
  kAttributes = 1U << 5,   // metadata
  kSilent = 1U << 6,       // data: a writer that sends no events had it (mapping, aio, loop device)
  kDirectory = 1U << 7,    // the object is a directory
  kReplaced = 1U << 8,     // entry: a rename took this name away from the object
  kLinked = 1U << 9,       // with kCreated: perhaps a further name of a file that had one already
  // Found by a crawl (checkpoint/crawl.h), not told by an event: data and metadata may have
  // changed; of a directory named ".": anything below it may have come, gone or changed. Alone (but
  // for kDirectory) it was found for gaps, and means nothing to an interval that has none.
  kCrawled = 1U << 10,
  kIntent = 1U << 11,  // opened for writing: may be changed after this (strict mode)
  kAllOperations = (1U << 12) - 1,
};
inline constexpr std::uint32_t kEntryOperations = kCreated | kDeleted | kRenamed | kReplaced;
inline constexpr std::uint32_t kDataOperations = kModified | kClosedWrite | kSilent;
inline constexpr std::uint32_t kMetadataOperations = kAttributes;
// What a crawl adds to kCrawled where somebody has asked for it.
inline constexpr std::uint32_t kCrawlAskedFor = kModified | kAttributes;

struct Record {
  SequenceNumber sequence;
  PeriodId period;
  std::int64_t time_usec = 0;  // CLOCK_REALTIME when it was read from the kernel
  VolumeId volume;
  std::uint32_t operations = 0;
  std::int32_t pid = 0;
  FileHandle object;
  FileHandle parent;      // absent for events that have no name (a link count that changed)
  std::string name;       // "." for a directory's own attributes (then parent is the directory)
  FileHandle old_parent;  // only kRenamed
  std::string old_name;
  std::int64_t ctime_nsec = 0;  // only kIntent: the object's before; 0: not known
  friend bool operator==(const Record&, const Record&) = default;
};

// A crawl found it for a gap: it means nothing to an interval that has none.
inline bool IsForAGap(const Record& record) {
  return (record.operations & ~std::uint32_t{kDirectory}) == kCrawled;
}

// Where a directory was when it was deleted, so that paths below it can still be told.
struct DeadDirectory {
  VolumeId volume;
  FileHandle directory;
  FileHandle parent;
  std::string name;
  PeriodId period;
  friend bool operator==(const DeadDirectory&, const DeadDirectory&) = default;
};

// A name of a file that has, or once had, more than one: a change of its data shows at all of them.
struct LinkName {
  VolumeId volume;
  FileHandle object;
  FileHandle parent;
  std::string name;
  friend bool operator==(const LinkName&, const LinkName&) = default;
};

// Something that the journal cannot know: a query over it is refused until it is filled.
struct Gap {
  std::string volume;  // a path of the volume, or of a watch; empty: all volumes
  std::int64_t from_usec = 0;
  std::int64_t to_usec = 0;
  std::string cause;  // a sentence fit to be shown: "the daemon was not running"
  // A crawl has told all that can have changed in the gap, in records of periods up to this one. 0:
  // nothing has. An interval with the gap has an answer if it reaches beyond this period.
  PeriodId filled_in = {};
  bool filled() const { return filled_in.value != 0; }
  friend bool operator==(const Gap&, const Gap&) = default;
};

// What a crawl that is complete does to a gap: `gap`, exactly as it was when the crawl began,
// becomes `parts` (one for each volume, where not all could be crawled; else one). A part that is
// to be marked as filled has a filled_in that is not 0; which period that is, the store says.
struct GapFill {
  PeriodId period;  // that has the gap
  Gap gap;
  std::vector<Gap> parts;
  friend bool operator==(const GapFill&, const GapFill&) = default;
};

// How far events that were read from the kernel have been stored: travels in the same write as
// their records, so that after a crash none is stored twice or not at all
// (checkpoint/spool_memory.h).
struct SpoolPosition {
  std::uint64_t spool = 0;   // which spool: a random number; 0: none
  std::uint64_t stored = 0;  // the number of the last buffer that is stored
  // CLOCK_REALTIME: what happened before is stored, or a gap. The kernel's queue may have been
  // long: a record's own time, which is when it was read, says less. 0: not known.
  std::int64_t complete_usec = 0;
  friend bool operator==(const SpoolPosition&, const SpoolPosition&) = default;
};

struct PeriodInfo {
  PeriodId id;
  std::int64_t start_usec = 0;
  std::int64_t end_usec = 0;  // 0 while open
  std::string label;          // of the checkpoint that started it
  SequenceNumber first_sequence;
  std::uint64_t record_count = 0;  // as of the last write
  // How long before start_usec the checkpoint looked at what sends no events (a mapping that is
  // stored to): what was stored before is in the periods before.
  std::int64_t unscanned_usec = 0;
  std::vector<Gap> gaps;
  friend bool operator==(const PeriodInfo&, const PeriodInfo&) = default;
  bool open() const { return end_usec == 0; }
  // An interval is the same with it and without. The first period is of the time before anything
  // was watched.
  bool quiet() const { return id.value > 1 && record_count == 0 && gaps.empty(); }
};

}  // namespace cj
