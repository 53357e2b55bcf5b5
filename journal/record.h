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
  kAllOperations = (1U << 10) - 1,
};
inline constexpr std::uint32_t kEntryOperations = kCreated | kDeleted | kRenamed | kReplaced;
inline constexpr std::uint32_t kDataOperations = kModified | kClosedWrite | kSilent;
inline constexpr std::uint32_t kMetadataOperations = kAttributes;

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
  friend bool operator==(const Record&, const Record&) = default;
};

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
  std::string volume;  // a path of the volume; empty: all volumes
  std::int64_t from_usec = 0;
  std::int64_t to_usec = 0;
  std::string cause;  // a sentence fit to be shown: "the daemon was not running"
  friend bool operator==(const Gap&, const Gap&) = default;
};

struct PeriodInfo {
  PeriodId id;
  std::int64_t start_usec = 0;
  std::int64_t end_usec = 0;  // 0 while open
  std::string label;          // of the checkpoint that started it
  SequenceNumber first_sequence;
  std::uint64_t record_count = 0;  // as of the last write
  std::vector<Gap> gaps;
  friend bool operator==(const PeriodInfo&, const PeriodInfo&) = default;
  bool open() const { return end_usec == 0; }
};

}  // namespace cj
