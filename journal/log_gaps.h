// Where gaps stand among records when a log is read: a gap comes before the first record that was
// read after its end. Pure; not thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "journal/gaps.h"
#include "journal/record.h"
#include "journal/scope.h"

namespace cj {

// The gaps of periods [from, until) that concern the paths (empty: all of the watches), without
// those in `told` that have not changed but (unless `growth`) for their length; oldest first.
std::vector<PeriodGap> GapsForLog(const std::vector<PeriodInfo>& periods, PeriodId from,
                                  PeriodId until, const std::vector<Watch>& watches,
                                  const std::vector<std::string>& paths,
                                  const std::vector<PeriodGap>& told, bool growth = false);

class LogGaps {
 public:
  // `gaps` in order, oldest first; `reverse`: records come newest first.
  LogGaps(std::vector<PeriodGap> gaps, bool reverse);

  // The next gap that stands before the record; null: at the end of the records.
  std::optional<PeriodGap> TakeBefore(const Record* record);

 private:
  bool StandsBefore(const PeriodGap& gap, const Record& record) const;

  std::vector<PeriodGap> gaps_;
  const bool reverse_;
  std::size_t taken_ = 0;
};

}  // namespace cj
