#include "journal/concern.h"

#include <algorithm>
#include <memory>

namespace cj {
namespace {

Acknowledged BeginOf(const Store& store, PeriodId period, const Acknowledged& otherwise) {
  const auto found = store.FindPeriod(period);
  if (!found) return otherwise;
  return {period, std::max(otherwise.handled, SequenceNumber(found->first_sequence.value - 1))};
}

Concern::End LookAt(RecordCursor& cursor, std::span<const VolumeId> volumes, std::size_t most,
                    Acknowledged* begin) {
  Record record;
  for (std::size_t looked = 0; looked < most; ++looked) {
    const Result<bool> more = cursor.Next(&record);
    if (!more) return Concern::End::kReached;
    if (!*more) return Concern::End::kQuiet;
    const auto same = std::find(volumes.begin(), volumes.end(), record.volume);
    if (same != volumes.end()) return Concern::End::kReached;
    *begin = {std::max(begin->period, record.period), record.sequence};
  }
  return Concern::End::kTired;
}

}  // namespace

Concern FindConcern(const Store& store, const Consumer& consumer, std::span<const VolumeId> volumes,
                    PeriodId until, std::size_t most) {
  Concern concern;
  concern.begin = {consumer.period, consumer.handled};
  if (consumer.period < store.Ends().quiet_since) return concern;
  const auto gaps = store.PeriodsWithGaps(consumer.period, until);
  const PeriodId end = gaps.empty() ? until : gaps.front().id;
  const PeriodId from = store.PeriodOf(consumer.handled.Next()).id;
  if (from < end) {
    auto cursor = store.Scan({from, end, consumer.handled});
    if (!cursor) return concern;
    concern.end = LookAt(**cursor, volumes, most, &concern.begin);
    if (concern.end != Concern::End::kQuiet) return concern;
  }
  concern.begin = BeginOf(store, std::max(end, consumer.period), concern.begin);
  concern.end = gaps.empty() ? Concern::End::kQuiet : Concern::End::kReached;
  return concern;
}

}  // namespace cj
