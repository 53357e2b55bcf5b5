#include "tests/checkpoint/history.h"

#include <algorithm>
#include <map>
#include <set>

namespace cj {

std::size_t History::Visible(const std::string& name) {
  MutexLock lock(mutex_);
  changes_.push_back({name, ++now_, 0});
  return changes_.size() - 1;
}

void History::Returned(std::size_t change) {
  MutexLock lock(mutex_);
  changes_[change].returned = ++now_;
}

std::size_t History::Asked() {
  MutexLock lock(mutex_);
  checkpoints_.push_back({++now_, 0, PeriodId()});
  return checkpoints_.size() - 1;
}

void History::Answered(std::size_t checkpoint, PeriodId sealed) {
  MutexLock lock(mutex_);
  checkpoints_[checkpoint].answered = ++now_;
  checkpoints_[checkpoint].sealed = sealed;
}

std::size_t History::changes() const {
  MutexLock lock(mutex_);
  return changes_.size();
}

std::vector<std::string> History::Violations(const std::vector<Record>& records) const {
  std::map<std::string, std::set<std::uint64_t>> periods;
  for (const Record& record : records) periods[record.name].insert(record.period.value);
  MutexLock lock(mutex_);
  std::vector<std::string> violations;
  for (const Change& change : changes_) {
    std::uint64_t earliest = 0;
    std::uint64_t latest = UINT64_MAX;
    for (const Checkpoint& checkpoint : checkpoints_) {
      if (checkpoint.answered == 0) continue;
      if (checkpoint.answered < change.visible) {
        earliest = std::max(earliest, checkpoint.sealed.value + 1);
      }
      if (change.returned != 0 && change.returned < checkpoint.asked) {
        latest = std::min(latest, checkpoint.sealed.value);
      }
    }
    const std::set<std::uint64_t>& found = periods[change.name];
    const auto first = found.lower_bound(earliest);
    if (first != found.end() && *first <= latest) continue;
    std::string told = change.name + " must be in a period from " + std::to_string(earliest) +
                       " to " + std::to_string(latest) + ", it is in";
    for (std::uint64_t period : found) told += " " + std::to_string(period);
    violations.push_back(found.empty() ? told + " none" : told);
  }
  return violations;
}

}  // namespace cj
