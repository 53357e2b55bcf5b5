// Order of paths in which everything below a directory follows the directory at once: '/' sorts
// before every other byte. Pure.
#pragma once

#include <string_view>

namespace cj {

inline bool PathLess(std::string_view a, std::string_view b) {
  std::size_t length = a.size() < b.size() ? a.size() : b.size();
  for (std::size_t i = 0; i < length; ++i) {
    if (a[i] == b[i]) continue;
    if (a[i] == '/') return true;
    if (b[i] == '/') return false;
    return static_cast<unsigned char>(a[i]) < static_cast<unsigned char>(b[i]);
  }
  return a.size() < b.size();
}

}  // namespace cj
