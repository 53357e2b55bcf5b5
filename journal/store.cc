#include "journal/store.h"

namespace cj {

std::vector<PeriodInfo> Store::PeriodsWithGaps(PeriodId from, PeriodId until) const {
  return PeriodTable(Periods()).WithGaps(from, until);
}

std::vector<PeriodStart> Store::PeriodStarts() const { return PeriodTable(Periods()).Starts(); }

}  // namespace cj
