// The syntax of systemd.syntax(7) as we use it: sections, Key=Value, '#' and ';' comments, and a
// backslash at the end of a line that joins it with the next one. Knows no key by name. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cj {

// One line that says something. Line numbers start at 1; a joined line has its first line's number.
struct ConfigLine {
  enum class Kind {
    kSection,     // key is the section's name
    kAssignment,  // key and value, both without the spaces around them
    kBad,         // value says what is wrong with the line
  };
  Kind kind = Kind::kBad;
  int line = 0;
  std::string key;
  std::string value;
};

// Splits a file. Never fails: what cannot be understood is a kBad line. Values are bytes, save NUL.
std::vector<ConfigLine> SplitConfig(std::string_view text);

}  // namespace cj
