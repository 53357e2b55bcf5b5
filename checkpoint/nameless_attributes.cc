#include "checkpoint/nameless_attributes.h"

#include <algorithm>
#include <utility>

namespace cj {

std::optional<NamelessChange> NamelessAttributes::Add(VolumeId volume, const Event& event) {
  std::optional<NamelessChange> oldest;
  if (waiting_.size() == kWaiting) oldest = Take();
  waiting_.push_back({volume, event.pid, FileHandle(event.object)});
  return oldest;
}

bool NamelessAttributes::Explain(VolumeId volume, HandleView object) {
  // The newest first: the explanation mostly follows at once.
  auto found = std::find_if(waiting_.rbegin(), waiting_.rend(), [&](const NamelessChange& change) {
    return change.volume == volume && change.object.view() == object;
  });
  if (found == waiting_.rend()) return false;
  waiting_.erase(std::next(found).base());
  return true;
}

std::optional<NamelessChange> NamelessAttributes::Take() {
  if (waiting_.empty()) return std::nullopt;
  NamelessChange change = std::move(waiting_.front());
  waiting_.pop_front();
  return change;
}

}  // namespace cj
