// Whether a file that was opened for writing is as it was before. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "journal/fold.h"

namespace cj {

// A change time this much older than the intent is not that of a change made just before and just
// after it in the same tick: filesystems count ticks of up to 10 ms, old ones whole seconds.
inline constexpr std::int64_t kCtimeTickNsec = 2'000'000'000;

// True only when the file's change time is still the one that it had before anybody could write.
// Equality is asked for, not order, so that a clock that was set back proves nothing wrong.
bool IsUnchanged(const FoldedIntent& intent, std::optional<std::int64_t> ctime_nsec);

}  // namespace cj
