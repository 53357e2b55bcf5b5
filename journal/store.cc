#include "journal/store.h"

namespace cj {

std::vector<PeriodInfo> Store::PeriodsWithGaps(PeriodId from, PeriodId until) const {
  return PeriodTable(Periods()).WithGaps(from, until);
}

std::vector<PeriodStart> Store::PeriodStarts() const { return PeriodTable(Periods()).Starts(); }

StoreEnds Store::Ends() const {
  const std::vector<PeriodStart> starts = PeriodStarts();
  return {starts.front(), starts.back(), starts.front().id};
}

std::optional<PeriodInfo> Store::FindPeriod(PeriodId id) const {
  const PeriodTable periods(Periods());
  if (!periods.Has(id)) return std::nullopt;
  return periods.Get(id);
}

PeriodInfo Store::PeriodOf(SequenceNumber sequence) const {
  const PeriodTable periods(Periods());
  return periods.Get(periods.Of(sequence));
}

std::optional<Consumer> Store::FindConsumer(const std::string& name) const {
  for (Consumer& consumer : Consumers()) {
    if (consumer.name == name) return std::move(consumer);
  }
  return std::nullopt;
}

Status Store::EditConsumer(const std::string& name, const ConsumerEdit& /*edit*/, bool /*sync*/) {
  return Error{ErrorCode::kUnsupported, "this store keeps no consumers, and none named " + name};
}

Result<ActorSpan> Store::FindActor(PeriodId, std::int32_t, SequenceNumber) const {
  return ActorSpan{{}, SequenceNumber(), SequenceNumber(std::numeric_limits<std::uint64_t>::max())};
}

}  // namespace cj
