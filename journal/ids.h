// Numbers of the journal. Plain values.
#pragma once

#include <cstdint>

#include "base/strong_id.h"

namespace cj {

// Periods are numbered 1, 2, 3 ...; checkpoint T is the boundary at which period T starts.
using PeriodId = StrongId<struct PeriodIdTag>;
// Records are numbered over the journal's whole life, without gaps in what was stored.
using SequenceNumber = StrongId<struct SequenceNumberTag>;
// Chosen at random when a journal is made; a token of another or a rebuilt journal is refused.
using JournalId = StrongId<struct JournalIdTag, std::uint32_t>;

}  // namespace cj
