// Reads the journal's records for people, with the gaps between them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "journal/actor.h"
#include "journal/change.h"
#include "journal/gaps.h"
#include "journal/position.h"
#include "journal/store.h"
#include "journal/views.h"

namespace cj {

struct LogViewer;

struct LogQuestion {
  std::optional<Position> since;  // none: the oldest period
  std::optional<Position> until;
  std::vector<std::string> paths;
  std::uint8_t classes = 0;     // Class bits; 0: all
  std::vector<FileType> types;  // empty: all; an object that is gone may have been of any type
  // Only records with such times, and gaps that have a part in between.
  std::optional<std::int64_t> from_usec, to_usec;
  bool reverse = false;
  SequenceNumber after;  // only records with a greater number
  PeriodId from_period;  // for going on behind `after`: where to look first; 0: from `since`
  std::optional<std::vector<PeriodGap>> told;  // gaps that are not told again; none: not known
  // For whoever must hear of everything: gaps that have grown are told again, and changes of
  // objects under no name (of a file by another name of it, or by its handle) under the names that
  // records know, or under none.
  bool feed = false;
  bool flush = true;  // store what the kernel has queued first
  // Who hears only of what he could list (viewer_log.h); null: somebody who may hear of everything.
  std::shared_ptr<LogViewer> viewer;
  // Where several mounts show a record: as the one shows it that shows this path. Empty: the first.
  std::string shown_at;
};

// A record, or a gap.
struct LogEntry {
  Record record;
  std::string path;
  std::string from;
  std::optional<Actor> by = {};       // who did it, where that was asked for when it was recorded
  std::optional<PeriodGap> gap = {};  // then there is no record
};

// About what it takes in memory.
std::size_t BytesOf(const LogEntry& entry);

// Reads entries a batch at a time. Not thread-safe, no thread is bound to it. Sees the journal as
// it was when it was opened.
class LogReader {
 public:
  virtual ~LogReader() = default;
  // Appends up to `max` entries that a watch shows (and that lie under the question's paths), and a
  // few more where gaps stand between them. False: that was the end.
  virtual Result<bool> Next(std::size_t max, std::vector<LogEntry>* entries) = 0;
  // Of the last record that was read, shown or not; 0 before the first.
  virtual SequenceNumber last_sequence() const = 0;
  virtual PeriodId last_period() const = 0;
  // All that there were, told or not.
  virtual const std::vector<PeriodGap>& gaps() const = 0;
};

// What is to be read, with all names made numbers.
struct LogSource {
  ScanRange range;
  std::vector<PeriodInfo> gaps;  // the periods of the range that have any
  std::vector<Watch> watches;
};

// `store` outlives the reader.
Result<std::unique_ptr<LogReader>> OpenLogReader(const Store& store, const LogSource& source,
                                                 const LogQuestion& question);

}  // namespace cj
