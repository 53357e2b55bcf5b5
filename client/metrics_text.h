// What GetStatus says in the text format of Prometheus, version 0.0.4: families with # HELP and
// # TYPE, base units, counters that end with _total. Pure.
#pragma once

#include <string>
#include <string_view>

#include "client/answers.h"

namespace cj::client {

std::string FormatMetrics(const StatusAnswer& status);

// A label's value, between quotes: backslash, quote and newline escaped, and UTF-8: a name that is
// not is quoted as a shell would take it.
std::string EscapeLabel(std::string_view value);

}  // namespace cj::client
