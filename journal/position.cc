#include "journal/position.h"

#include "journal/token.h"

namespace cj {
namespace {

Result<PeriodId> FindToken(const std::string& text, JournalId journal,
                           const std::vector<PeriodInfo>& periods) {
  CJ_ASSIGN_OR_RETURN(Token token, ParseToken(text));
  if (token.journal != journal) {
    return Error{ErrorCode::kRescanNeeded,
                 "token " + text + " is of another journal (this one's tokens begin with " +
                     FormatToken({journal, PeriodId(1)}).substr(0, 13) +
                     "): the journal was made anew, or the token is of another machine"};
  }
  if (token.period < periods.front().id) {
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
  return token.period;
}

}  // namespace

Result<PeriodId> FindPosition(const Position& position, JournalId journal,
                              const std::vector<PeriodInfo>& periods) {
  if (position.token.has_value() == position.time_usec.has_value()) {
    return Error{ErrorCode::kInvalidArgument, "give either a token or a time"};
  }
  if (position.token.has_value()) return FindToken(*position.token, journal, periods);
  for (auto period = periods.rbegin(); period != periods.rend(); ++period) {
    if (period->start_usec <= *position.time_usec) return period->id;
  }
  return Error{ErrorCode::kRescanNeeded,
               "there is no checkpoint that old: the oldest one kept is " +
                   FormatToken({journal, periods.front().id})};
}

}  // namespace cj
