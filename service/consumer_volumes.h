// Which filesystems a consumer's paths lead to, for retention (journal/retention.h). Pure.
#pragma once

#include <optional>
#include <vector>

#include "checkpoint/watch_source.h"
#include "journal/consumer.h"

namespace cj {

// All on which something could happen that the consumer is told; none: it reads of everything, or
// one of its paths is not bound to a filesystem now, so that nobody knows.
std::optional<std::vector<VolumeId>> VolumesOfConsumer(const Consumer& consumer,
                                                       const Binding& binding);

}  // namespace cj
