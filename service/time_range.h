// A range of times, for the log: which records and gaps lie in it, and which periods may have any.
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "journal/period_table.h"
#include "journal/store.h"

namespace cj {

struct TimeRange {
  std::optional<std::int64_t> from_usec, to_usec;  // none: no bound; both included

  bool Hold(std::int64_t usec) const { return Meet(usec, usec); }
  bool Meet(std::int64_t first_usec, std::int64_t last_usec) const {
    return (!from_usec || last_usec >= *from_usec) && (!to_usec || first_usec <= *to_usec);
  }
  // Leaves out periods at both ends that cannot have such records. A record's time may lie a little
  // outside of its period, and a clock that was set back shows times twice: in doubt they stay.
  void Narrow(const std::vector<PeriodStart>& periods, ScanRange* range) const;
};

}  // namespace cj
