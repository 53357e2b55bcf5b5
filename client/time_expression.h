// Times as people write them on the command line, and as they are shown. Pure: what time it is and
// which zone it is in are arguments.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cj::client {

// Seconds that local time is ahead of UTC at a moment (seconds since 1970 UTC).
using UtcOffset = std::function<std::int64_t(std::int64_t)>;

// The zone of this process (TZ, /etc/localtime).
UtcOffset LocalUtcOffset();

// Microseconds since 1970 UTC for one of
//   now  today  yesterday  today HH:MM  yesterday HH:MM   (days alone: at their start)
//   -2h  -1h30min  5 minutes ago                          (spans of base/units.h)
//   2026-11-20  2026-11-20 10:00[:00[.123456]]  HH:MM[:SS[.us]]   (local, also with 'T' between)
//   Fri 2026-11-20 10:00                                  (the weekday must be right)
//   ... followed by UTC, Z or +02:00                      (that zone instead of the local one)
//   @1700000000[.123456]
//   beginning                                             (1970: before anything changed)
// A local time that occurs twice (clocks going back) is the earlier one; one that does not occur
// (clocks going forward) is the moment an hour earlier: a question then asks for more, not for
// less. kInvalidArgument for anything else, spans into the future ("+2h") included.
Result<std::int64_t> ParseTime(std::string_view text, std::int64_t now_usec,
                               const UtcOffset& utc_offset);

// "Nov 21 10:00:00.123456", as journalctl's short-precise.
std::string FormatShortTime(std::int64_t usec, const UtcOffset& utc_offset);
// "2026-11-21T10:00:00+01:00", and with ".123456" after the seconds.
std::string FormatIsoTime(std::int64_t usec, const UtcOffset& utc_offset, bool precise);
// "1795255200.123456": seconds since 1970 UTC.
std::string FormatUnixTime(std::int64_t usec);
// "2026-11-21 10:00:00".
std::string FormatLongTime(std::int64_t usec, const UtcOffset& utc_offset);

}  // namespace cj::client
