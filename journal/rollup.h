// A rollup: the records of many periods without those that tell an answer nothing new. A file that
// changes in each of ten thousand periods has ten thousand records; an answer over all of them
// needs one. What an answer makes of records is a Fold (fold.h), and leaving these out leaves the
// fold as it is, whatever comes before and after. Pure; not thread-safe.
//
// A record is left out when it tells only of data, of attributes, or of an opening for writing, of
// an object at a name (or of a directory itself, or of an object without a name), and an earlier
// record of the range has told the same: the same object at the same name with at least these
// classes of change, and nothing has come to the name or gone from it since. Adding it to a fold
// would add classes that object and name have already (Fold::Add), and an intent only where it is
// the first of its object and name (Fold::AddIntent).
//
// A *passing file* (a lock, a former version of a file that is always replaced by a rename) is left
// out with all of its records, which leaves each name that it had as it is:
//  - By its first and its last record it was made in the range and went. In between nothing is said
//    of links, openings for writing, silent writers or crawls, and it always had a name.
//  - At each of its names others came or went before it and after it, in the range. What was at the
//    name before is said by the first of them. What is there then is said by the last: coming says
//    it alone, going in view of the record before, so that the files of both are kept.
//  - Records that are kept tell the same classes of change of the name, and of what was at it.
// The fold then lacks an object that is gone. Had it further names, they are in the range's
// records. A file that is older than the range may look as if it had been made in it, where the
// kernel merged that it went from a name with its return by link(2). If that name was watched all
// the time, it was the first to go from there in the range; so where directories were renamed, and
// may have been elsewhere, no file passes whose first record says both. In a range with gaps there
// may have been links that nobody knows of: no file passes there. Where merging hides that a file
// returned to a name by link(2), it may be there still; others are told at that name.
//
// All other records are kept as they are: of directories but for their attributes, of links, of
// what a crawl has found, of what was there before or is there then. So is the last one, which says
// how far the range goes. Records keep their numbers and periods, in which there are gaps then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "journal/intern_table.h"
#include "journal/record.h"
#include "journal/rollup_row.h"

namespace cj {

// Memory while one is made is some 150 bytes for each name, object and directory that it tells of,
// and three times its own bytes.
inline constexpr std::size_t kMostRollupNames = 256 << 10;
inline constexpr std::size_t kMostRollupBytes = 8 << 20;

class RollupBuilder {
 public:
  // Of periods from `first` on, which started at `start_usec`; `gaps`: some of them has any.
  RollupBuilder(PeriodId first, std::int64_t start_usec, bool gaps)
      : first_(first), start_usec_(start_usec), gaps_(gaps), rows_(first, start_usec) {}

  // Records in the order of their numbers. False: there is more than a rollup takes, and it is of
  // no use any more.
  bool Add(const Record& record);
  // Ends it: its rows, and how many records they have.
  std::vector<RollupRow> Finish();
  std::uint64_t records() const { return records_; }

 private:
  // Of an object.
  struct Life {
    bool known = false;
    bool passes = false;  // made in the range, and nothing else than a file's life since
    bool merged = false;  // its first record says that it came and went, in whatever order
    std::uint8_t told = 0;
    bool gone = false;  // its last record says so
    bool kept = false;
  };
  struct Name {
    // What has been told of an object at this name since something came to it or went.
    std::uint32_t object = kNone;
    std::uint8_t told = 0;
    // The objects of the first record that says of coming or going, and of the last two; kNone:
    // that record names none.
    bool has_entries = false;
    std::uint32_t first = kNone;
    std::uint32_t before_last = kNone;
    std::uint32_t last = kNone;
    std::uint8_t kept = 0;          // what kept records tell of it
    std::uint8_t kept_objects = 0;  // what they tell of the objects that came to it or went
  };
  std::uint32_t ObjectOf(const Record& record);
  std::uint32_t NameOf(VolumeId volume, const FileHandle& parent, std::string_view name);
  std::uint32_t NameOf(const Record& record);
  bool IsRepeated(const Record& record, std::uint32_t object, std::uint32_t name);
  void Live(const Record& record, std::uint32_t object);
  void NoteEntry(std::uint32_t name, std::uint32_t object);
  void NoteEntries(const Record& record, std::uint32_t object, std::uint32_t name);
  void Keep(const Record& record);
  bool FindPassing();
  void KeepTellers();
  void NoteKept(const Record& record, std::uint32_t object);
  bool TellsMore(const Record& record, std::uint32_t object);
  template <typename Take>
  void ForEachEntry(const Record& record, const Take& take);
  template <typename Take>
  void ForEach(const std::vector<RollupRow>& rows, const Take& take);

  const PeriodId first_;
  const std::int64_t start_usec_;
  const bool gaps_;
  bool directories_move_ = false;
  InternTable handles_;       // of objects and directories
  InternTable name_numbers_;  // in their directories
  std::vector<Life> lives_;   // by number of the handle
  std::vector<Name> names_;
  RollupRowWriter rows_;
  std::vector<RollupRow> written_;  // rows_, when all is read
  std::uint64_t records_ = 0;
  std::optional<Record> left_out_;  // the last record, if it was left out
};

}  // namespace cj
