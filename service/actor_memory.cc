#include "service/actor_memory.h"

namespace cj {

Result<std::optional<Actor>> ActorMemory::Find(const Record& record) {
  if (record.pid == 0) return std::optional<Actor>();
  if (record.period != period_ || !any_) {
    CJ_ASSIGN_OR_RETURN(any_, store_.HasActors(record.period));
    period_ = record.period;
  }
  if (!any_) return std::optional<Actor>();
  const std::pair key(record.period.value, record.pid);
  auto known = spans_.find(key);
  if (known == spans_.end() || record.sequence < known->second.from ||
      record.sequence >= known->second.until) {
    CJ_ASSIGN_OR_RETURN(const ActorSpan span,
                        store_.FindActor(record.period, record.pid, record.sequence));
    if (spans_.size() >= kMaxRemembered) spans_.clear();
    known = spans_.insert_or_assign(key, span).first;
  }
  return known->second.actor;
}

}  // namespace cj
