// Names for people: a file name may hold anything, terminal control sequences included. Pure.
#pragma once

#include <string>
#include <string_view>

namespace cj::client {

// The name in the form in which a shell would take it, as ls(1) shows it on a terminal: as it is
// when harmless, 'in quotes' with spaces or characters special to shells, $'with\nescapes' when it
// holds control characters, bytes that are not UTF-8, or characters that reorder text.
std::string QuoteName(std::string_view name);

}  // namespace cj::client
