// Amounts as people write them: time spans as in systemd.time(7) and byte sizes as in
// journald.conf(5). Pure functions; refused text is kInvalidArgument with a message that says what
// to write instead.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cj {

// "90", "1s", "5min", "2h 30min", "1.5h", "300ms20s 5day": microseconds. A number without a unit is
// seconds. Units: us, ms, s, min (m), h, d, w, M (month, 30.44 days), y (365.25 days) and systemd's
// longer names. Negative spans and those over 2^63-1 microseconds are refused.
Result<std::int64_t> ParseTimeSpan(std::string_view text);

// "4096", "16K", "1.5G", "2T": bytes, suffixes K, M, G, T, P and E to the base 1024.
Result<std::uint64_t> ParseByteSize(std::string_view text);

// For people: the two largest units ("2h 30min", "1.5s" is "1s 500ms"), and "0" for nothing.
std::string FormatTimeSpan(std::int64_t usec);
// For people: "4.0K", "1.5G", "17B", at most one digit after the point.
std::string FormatByteSize(std::uint64_t bytes);

}  // namespace cj
