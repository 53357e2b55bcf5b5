// Fanotify events as the kernel writes them, for fakes and tests. Source: fanotify(7). Pure.
#pragma once

#include <cstdint>
#include <string>

namespace cj {

// Handles are any bytes; empty leaves the info record out.
struct EventSpec {
  std::uint64_t mask = 0;
  std::int32_t pid = 100;
  std::uint64_t fsid = 1;
  std::string object;
  std::string parent;
  std::string name;
  std::string old_parent;
  std::string old_name;
  std::int32_t fs_error = 0;
};

// The handle type of all handles made here.
inline constexpr std::int32_t kTestHandleType = 1;

std::string EventBytes(const EventSpec& spec);

}  // namespace cj
