// The text of files in /proc: reading them whole, listing them, their octal escapes, and lines of
// /proc/PID/maps. The parsers are pure. Any thread. Source: proc(5).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace cj {

// The names in a directory, without "." and "..". The errno is in the error.
Result<std::vector<std::string>> ListNames(int directory_fd, const char* path);

// The numbers among them: processes, threads, descriptors.
Result<std::vector<int>> ListNumbers(int directory_fd, const char* path);

// Replaces what *text holds by all that can still be read from fd. The errno is in the error.
Status ReadAll(int fd, std::string* text);

// "\040" becomes a space, as the kernel's mangle_path() wrote it. Anything else stays as it is.
std::string UnescapeOctal(std::string_view text);

// One line of /proc/PID/maps that can matter here.
struct MapsLine {
  std::string_view range;  // "7f12a000-7f12b000", which is also the name in map_files/
  bool shared = false;     // MAP_SHARED, readable or writable
  dev_t device = 0;        // of the superblock; on btrfs another one than stat(2) gives
  std::uint64_t inode = 0;
  std::string_view path;  // still escaped
};

// Takes the first line off *text. False at its end; a line that cannot be understood comes out as
// not shared (there is none on any kernel we know).
bool NextMapsLine(std::string_view* text, MapsLine* line);

}  // namespace cj
