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
// All others are kept as they are: what comes to a name or goes from it, whatever happens to
// directories but for their attributes, what a crawl has found. So is the last record of the range,
// which says how far it goes.
//
// Records keep their numbers and periods, in which there are gaps then.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "journal/intern_table.h"
#include "journal/record.h"
#include "journal/rollup_row.h"

namespace cj {

// Memory while one is made is some 100 bytes for each name, object and directory that it tells of,
// and its own bytes.
inline constexpr std::size_t kMostRollupNames = 256 << 10;
inline constexpr std::size_t kMostRollupBytes = 8 << 20;

class RollupBuilder {
 public:
  // Of periods from `first` on, which started at `start_usec`.
  RollupBuilder(PeriodId first, std::int64_t start_usec) : rows_(first, start_usec) {}

  // Records in the order of their numbers. False: there is more than a rollup takes, and it is of
  // no use any more.
  bool Add(const Record& record);
  // Ends it: its rows, and how many records they have.
  std::vector<RollupRow> Finish();
  std::uint64_t records() const { return kept_; }

 private:
  // What has been told of an object at a name since something came to the name or went from it.
  struct Told {
    std::uint32_t object = kNone;
    std::uint8_t what = 0;
  };
  bool IsRepeated(const Record& record);
  void Forget(VolumeId volume, const FileHandle& parent, const std::string& name);
  Told& ToldAt(VolumeId volume, const FileHandle& parent, const std::string& name);
  void Keep(const Record& record);

  InternTable handles_;  // of objects and directories
  InternTable names_;    // in their directories
  std::vector<Told> told_;
  RollupRowWriter rows_;
  std::uint64_t kept_ = 0;
  std::optional<Record> left_out_;  // the last record, if it was left out
};

}  // namespace cj
