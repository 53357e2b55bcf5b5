// What an answer is asked for, and how much of it there may be. Plain values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "journal/ids.h"

namespace cj {

enum class Presence : std::uint8_t { kAll, kExisting, kDeleted };

struct AnswerRequest {
  PeriodId from;
  PeriodId until;                  // first period that is not answered any more
  bool until_now = true;           // the interval ends now: the tree itself tells what a name is
  std::vector<std::string> paths;  // absolute, normalised; only these subtrees; empty: all
  std::uint8_t classes = 0;        // ChangeClass bits to tell; 0: all
  Presence presence = Presence::kAll;
  bool expand = false;  // every member of a recursive entry by name
  bool list = false;    // told as plain paths: with `expand` nobody wants what is unlistable()
  // Of a list: nothing is told before all is known that says whether there is one. Else it is told
  // while it is read, and whoever renames directories meanwhile has as long as its reader takes.
  bool known_first = false;
  // The interval begins earlier than the records: a crawl, which began in period `from`, has found
  // what had changed before.
  bool crawled = false;
};

struct AnswerLimits {
  // A fold of this many names takes about 3 GiB. Beyond, an answer says `rescan` of the watched
  // trees.
  std::size_t max_names = 16 * 1024 * 1024;
  // The same for a viewer, who is nobody that the machine works for: 200 MiB.
  std::size_t max_names_of_viewer = 1024 * 1024;
  // Files with several names below directories that were moved, 200 bytes each. Beyond, the answer
  // ends with kRescanNeeded.
  std::size_t max_moved_links = 1024 * 1024;
  // So many names are looked at by two threads, and of a list in a step of their own: fewer take as
  // long as starting one.
  std::size_t names_for_two = 512;
  // Of a list. A scan looks at each of its periods that no rollup stands for before it begins. It
  // ends where the rollups of so many periods do: one from the middle of a rollup to the middle of
  // the next would read many small ones instead.
  std::uint64_t periods_per_scan = 32 * 1024;
  // Reads all records, also those that rollups leave out: what is told has to be the same.
  bool every_record = false;
};

}  // namespace cj
