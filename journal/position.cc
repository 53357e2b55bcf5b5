#include "journal/position.h"

#include <algorithm>

#include "journal/token.h"

namespace cj {
namespace {

Result<PeriodId> FindToken(const std::string& text, const KeptPeriods& kept) {
  const JournalId journal = kept.journal;
  const std::vector<PeriodStart>& periods = kept.periods;
  CJ_ASSIGN_OR_RETURN(Token token, ParseToken(text));
  if (token.journal != journal) {
    return Error{ErrorCode::kRescanNeeded,
                 "token " + text + " is of another journal (this one's tokens begin with " +
                     FormatToken({journal, PeriodId(1)}).substr(0, 13) +
                     "): the journal was made anew, or the token is of another machine"};
  }
  if (token.period < kept.quiet_since && token.period < periods.front().id) {
    return Error{ErrorCode::kRescanNeeded, "token " + text +
                                               " has expired: the oldest checkpoint kept is " +
                                               FormatToken({journal, periods.front().id})};
  }
  if (token.period > periods.back().id) {
    return Error{ErrorCode::kRescanNeeded, "token " + text +
                                               " is unknown: the newest checkpoint is " +
                                               FormatToken({journal, periods.back().id}) +
                                               "; was an older copy of the journal restored?"};
  }
  return std::max(token.period, periods.front().id);
}

// Whether the clock may have shown the time for the first time in the period that ends when the
// next one starts. Where the clock was set back in between, nobody knows from where to where.
bool MayHaveBeenIn(std::int64_t time_usec, const PeriodStart& period, const PeriodStart& next) {
  if (next.start_usec < period.start_usec) {
    return time_usec >= period.start_usec || time_usec < next.start_usec;
  }
  return time_usec >= period.start_usec && time_usec < next.start_usec;
}

Result<PeriodId> FindTime(std::int64_t time_usec, End end, JournalId journal,
                          const std::vector<PeriodStart>& periods) {
  if (end == End::kSince) {
    for (std::size_t i = 0; i + 1 < periods.size(); ++i) {
      if (MayHaveBeenIn(time_usec, periods[i], periods[i + 1])) return periods[i].id;
    }
  }
  for (auto period = periods.rbegin(); period != periods.rend(); ++period) {
    if (period->start_usec <= time_usec) return period->id;
  }
  return Error{ErrorCode::kRescanNeeded,
               "there is no checkpoint that old: the oldest one kept is " +
                   FormatToken({journal, periods.front().id})};
}

}  // namespace

Result<PeriodId> FindPosition(const Position& position, End end, const KeptPeriods& kept) {
  if (position.token.has_value() == position.time_usec.has_value()) {
    return Error{ErrorCode::kInvalidArgument, "give either a token or a time"};
  }
  if (position.token.has_value()) return FindToken(*position.token, kept);
  return FindTime(*position.time_usec, end, kept.journal, kept.periods);
}

Result<PeriodId> FindPosition(const Position& position, End end, const Store& store) {
  KeptPeriods kept;
  kept.journal = store.journal_id();
  if (position.time_usec.has_value()) {
    kept.periods = store.PeriodStarts();
    return FindPosition(position, end, kept);
  }
  const StoreEnds ends = store.Ends();
  kept.periods = {ends.oldest, ends.newest};
  kept.quiet_since = ends.quiet_since;
  return FindPosition(position, end, kept);
}

}  // namespace cj
