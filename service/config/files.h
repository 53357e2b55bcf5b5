// Where the configuration lies, and in what order its files count: the rules of UAPI.6.
//
// Without --config: the main file changejournal.conf is read from the first of /etc/changejournal,
// /run/changejournal, /usr/local/lib/changejournal and /usr/lib/changejournal that has it, and only
// from there. Then come the drop-ins changejournal.conf.d/*.conf of all four, sorted by file name
// whatever their directory; of two with the same name only that of the earlier directory. A file
// that is empty or a symlink to /dev/null masks: it counts as present and says nothing. Drop-ins
// are read although the main file is masked or missing. No file at all is an empty configuration.
//
// With --config=FILE: FILE, which must exist, and its own drop-ins FILE.d/*.conf by the same rules
// (UAPI.6 wants drop-ins for every configuration path); nothing of the four directories.
//
// Blocks on the disk. Any thread.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "service/config/config.h"

namespace cj {

// The four directories, the one that counts most first. `root` goes before each, for tests.
std::vector<std::string> ConfigDirectories(const std::string& root = "");

// The fragments in the order in which ParseConfig wants them: what comes later overrides. Fails on
// a file that is there and cannot be read, is no regular file, or is over kMaxConfigFileBytes: a
// drop-in that silently did not count could be a tree that silently is not watched.
Result<std::vector<ConfigFragment>> ReadConfigFiles(const std::vector<std::string>& directories);
Result<std::vector<ConfigFragment>> ReadConfigFile(const std::string& file);

// Reads and parses. `file` empty: the four directories. What ReadConfig* refused is an error of the
// result like any other.
ParsedConfig LoadConfig(const std::string& file);

}  // namespace cj
