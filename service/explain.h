// Why a path is in an answer, or why it is not: the lines that concern it, and the records and gaps
// that made them. Blocks as an answer does; for the pool. Nothing is kept, and no checkpoint made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "journal/change.h"
#include "journal/gaps.h"
#include "service/evidence.h"
#include "service/journal_service.h"

namespace cj {

// Records that are told of one path, the oldest; beyond, they are counted. Nobody reads more, and
// what is in a busy directory has no end.
inline constexpr std::size_t kMaxExplained = 1000;

struct ExplainQuestion {
  std::string path;               // absolute, normal
  Position since;                 // as Question::since
  std::optional<Position> until;  // none: up to now
  std::function<bool()> cancelled;
};

struct ExplainedRecord {
  LogEntry entry;
  EvidenceRole role = EvidenceRole::kName;
};

struct Explanation {
  PeriodId since;               // where the records begin
  std::vector<Change> changes;  // of the path, or of a directory above it with all below
  std::uint64_t below = 0;      // lines of the answer about what is below the path
  std::vector<ExplainedRecord> records;
  std::uint64_t left_out = 0;  // further records
  // Evidence::complete(): else there may be further ones that nobody has looked for.
  bool complete = true;
  std::vector<PeriodGap> gaps;  // of the interval that concern the path
  std::string refused;          // not empty: why there is no answer
  std::string why_not;          // not empty: why the answer has no line of the path
};

// A time before the oldest checkpoint is answered by the crawl of `changes` for that time, or
// refused, and the records are all that there are. Errors are those of OpenLog(), and kCancelled.
Result<Explanation> Explain(JournalService& service, const ExplainQuestion& question);

// Why no watch shows the path; empty: one does, or the path is above one. Pure.
std::string WhyUnwatched(const std::string& path, const std::vector<Watch>& watches);

// Of a path with these records, of which the answer says nothing. Pure.
std::string WhyNotTold(const Explanation& explanation);

}  // namespace cj
