// The file that --token-file names: one token and a newline. It is replaced as a whole or not at
// all, whatever happens meanwhile: a lost token costs a scan, a wrong one loses changes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cj::client {

// True for text of a token's form, "cj1-<8 hex digits>-<number>".
bool LooksLikeToken(std::string_view text);

// The token; nullopt when there is no such file. kRescanNeeded when the file holds anything but one
// token (spaces and newlines around it are allowed): what it said is not known. Other errors are
// the system's.
Result<std::optional<std::string>> ReadTokenFile(const std::string& path);

// Writes a new file beside it, syncs, renames, and syncs the directory. A symbolic link stays, its
// target is replaced; an existing file's mode is kept. On failure the old content stays.
Status WriteTokenFile(const std::string& path, std::string_view token);

}  // namespace cj::client
