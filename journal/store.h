// The store seam: what the journal keeps, as an interface. The real one is on RocksDB
// (rocks_store.h); tests of the checkpoint protocol use one that writes down the order of calls.
//
// Threads: one writer thread calls Append, Advance, AddGap, FillGaps, KeepCrawlNote, KeepWatched;
// any thread calls the rest at any time. Errors are kIo (the disk), kCorruption (damage; nothing
// was overwritten) or kLimit (disk full).
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "journal/actor.h"
#include "journal/consumer.h"
#include "journal/period_table.h"
#include "journal/record.h"

namespace cj {

// What one drain of the queue stores, in one atomic write. Records are in sequence, all of
// `period`.
struct Batch {
  PeriodId period;
  std::vector<Record> records;
  std::vector<DeadDirectory> dead_directories;
  std::vector<LinkName> link_names;
  std::optional<SpoolPosition> spool;  // written only along with something else
  // Who made the records: all of it, as far as it is not noted before, or (not attributed) nothing.
  std::vector<ActorNote> actors;
  bool attributed = false;
  bool empty() const { return records.empty() && dead_directories.empty() && link_names.empty(); }
  // Makes it as new, but for memory that the next one will want.
  void Clear() {
    Empty(&records);
    Empty(&dead_directories);
    Empty(&link_names);
    Empty(&actors);
    attributed = false;
    spool.reset();
    period = {};
  }
  // What a drain under load has, some 250 KiB.
  static constexpr std::size_t kKept = 1024;

 private:
  template <typename T>
  static void Empty(std::vector<T>* entries) {
    if (entries->capacity() > kKept) *entries = std::vector<T>();
    entries->clear();
  }
};

// Reads records in order. Sees the store as it was when it was made. Not thread-safe.
class RecordCursor {
 public:
  virtual ~RecordCursor() = default;
  // False at the end. *record is overwritten and may be reused by the caller.
  virtual Result<bool> Next(Record* record) = 0;
  // The first period of a scan that goes on behind `last`, the record that was given last.
  virtual PeriodId Resume(const Record& last) const { return last.period; }
};

// Behind every period.
inline constexpr PeriodId kNoPeriod{std::numeric_limits<std::uint64_t>::max()};

struct ScanRange {
  PeriodId from;         // first period
  PeriodId until;        // first period that is not read any more
  SequenceNumber after;  // only records with a greater number; 0: all
  bool reverse = false;  // newest first
  // Not in reverse: records may be missing that change nothing in what an answer makes of them all
  // (rollup.h).
  bool distinct = false;
};

struct StoreEnds {
  PeriodStart oldest;
  PeriodStart newest;  // the open period
  // Periods from this one up to the oldest are not kept, and were quiet: a token of one of them
  // means the oldest. The oldest itself where there are none.
  PeriodId quiet_since;
};

// A note is read and written as a whole.
inline constexpr std::size_t kMaxCrawlNote = 1 << 20;

class Store {
 public:
  virtual ~Store() = default;

  // Atomic, in order, survives the process; not yet power loss.
  virtual Status Append(const Batch& batch) = 0;
  // The end of a period in one synced write: `last` records of it, `sealed` (end_usec set) and
  // `opened`. When it returns, all that was appended before survives power loss.
  virtual Status Advance(const Batch& last, const PeriodInfo& sealed, const PeriodInfo& opened) = 0;
  // Makes all that was appended durable.
  virtual Status Sync() = 0;
  // Adds a gap to the open period, synced. Gaps of one cause are one (gaps.h).
  virtual Status AddGap(const Gap& gap) = 0;

  // Marks gaps as filled in the open period, synced; those that are not there any more as they were
  // are left alone (gaps.h). The crawl's note goes with it. `losses` are those when the crawl
  // began: after one more what it found may be gone, and nothing is filled (kIo).
  virtual Status FillGaps(const std::vector<GapFill>& fills, std::uint64_t losses) = 0;
  // How far a crawl is, in its own words, at most kMaxCrawlNote bytes; empty: none is under way.
  // Survives power loss no sooner than the records before it. `losses` as above.
  virtual Status KeepCrawlNote(const std::string& note, std::uint64_t losses) = 0;
  virtual Result<std::string> CrawlNote() const = 0;
  // Which trees are watched, and how, in the words of the caller; synced. Empty: never said.
  virtual Status KeepWatched(const std::string& text) = 0;
  virtual Result<std::string> Watched() const = 0;

  // How often records that had been appended were found to be gone, after an error of the disk;
  // each time the open period has got a gap. Whoever remembers what is stored must forget it then.
  virtual std::uint64_t losses() const { return 0; }
  // Grows whenever a gap comes, grows, or is filled.
  virtual std::uint64_t gap_changes() const { return 0; }
  virtual JournalId journal_id() const = 0;
  virtual SequenceNumber next_sequence() const = 0;
  // Of the last write that had one.
  virtual SpoolPosition spool_position() const = 0;
  // Oldest first; the last one is the open period. Never empty. Kept in memory, but there may be
  // hundreds of thousands of them: who wants to know of few asks one of the others.
  virtual std::vector<PeriodInfo> Periods() const = 0;
  virtual PeriodInfo OpenPeriod() const { return Periods().back(); }
  virtual PeriodInfo OldestPeriod() const { return Periods().front(); }
  // Those of [from, until) that have gaps, filled or not, oldest first.
  virtual std::vector<PeriodInfo> PeriodsWithGaps(PeriodId from, PeriodId until) const;
  // Of all of them, oldest first.
  virtual std::vector<PeriodStart> PeriodStarts() const;
  // The ends of what is kept, as they are together at one moment.
  virtual StoreEnds Ends() const;
  virtual std::optional<PeriodInfo> FindPeriod(PeriodId id) const;
  // The period that has, or will have, the record with this number; the oldest for what is gone.
  virtual PeriodInfo PeriodOf(SequenceNumber sequence) const;

  virtual Result<std::unique_ptr<RecordCursor>> Scan(const ScanRange& range) const = 0;
  virtual Result<std::optional<DeadDirectory>> FindDeadDirectory(
      VolumeId volume, const FileHandle& directory) const = 0;
  // Every name ever learned of the object, living or not: the caller checks them.
  virtual Result<std::vector<LinkName>> FindLinkNames(VolumeId volume,
                                                      const FileHandle& object) const = 0;
  // Learned outside of the event stream (a search for hard links); any thread.
  virtual Status AddLinkNames(const std::vector<LinkName>& names) = 0;

  // Who made the record with this number, by a process that is not 0; kept as long as its period.
  virtual Result<ActorSpan> FindActor(PeriodId period, std::int32_t pid,
                                      SequenceNumber sequence) const;
  // Whether it is known of any record of this period.
  virtual Result<bool> HasActors(PeriodId) const { return false; }

  // Consumers, by name. Any thread.
  virtual std::vector<Consumer> Consumers() const { return {}; }
  virtual std::optional<Consumer> FindConsumer(const std::string& name) const;
  // `edit` gets the consumer of this name (nullopt: there is none) and leaves what there is to be,
  // of the same name, or nullopt; no other write comes in between. Its error changes nothing, and
  // is returned. What is not synced may be undone by power loss, with all that was stored after it.
  using ConsumerEdit = std::function<Status(std::optional<Consumer>*)>;
  virtual Status EditConsumer(const std::string& name, const ConsumerEdit& edit, bool sync);

  // The number of this volume; a new identity gets the next one, durably.
  virtual Result<VolumeId> InternVolume(const VolumeIdentity& identity) = 0;

  // Makes scans of distinct records faster: the next rollup that can be made is made, or found not
  // to be worth it. False: none can be made now. Any thread; takes up to a second, and ends early,
  // with kCancelled, when `cancelled` says so.
  virtual Result<bool> RollUp(const std::function<bool()>& cancelled) = 0;

  // Drops the records of all periods before `oldest`, which must exist and may be the open one.
  virtual Status DropPeriodsBefore(PeriodId oldest) = 0;
  // Bytes on disk of records of [from, until), an estimate, and of the whole store.
  virtual std::uint64_t ApproximateSize(PeriodId from, PeriodId until) const = 0;
  virtual Result<std::uint64_t> DiskUsage() const = 0;
};

}  // namespace cj
