// Whether what waits for a consumer is of its filesystems at all. Where nothing is it has had it
// all, and may be moved past it: a quiet filesystem expires nobody (retention.h), however much
// happens on others.
#pragma once

#include <cstddef>
#include <span>

#include "base/result.h"
#include "journal/consumer.h"
#include "journal/ids.h"
#include "journal/store.h"

namespace cj {

// Records that are looked at in one go, for all consumers: some tenths of a second. A quiet
// consumer is moved past what was looked at, so that each record is looked at once for it.
inline constexpr std::size_t kMostLookedAt = 1'000'000;

struct Concern {
  // Nothing before it is of the consumer's filesystems, or it had been acknowledged.
  Acknowledged begin;
  enum class End {
    kQuiet,    // nothing before `until`
    kReached,  // something begins here: a record, a gap, or what cannot be read
    kTired,    // the most records were looked at; nobody knows what follows
  } end = End::kReached;
};

// What of the periods before `until`, which is kept, is of one of `volumes` and waits for the
// consumer, which has not expired. A gap is everybody's. Any thread.
Concern FindConcern(const Store& store, const Consumer& consumer, std::span<const VolumeId> volumes,
                    PeriodId until, std::size_t most = kMostLookedAt);

}  // namespace cj
