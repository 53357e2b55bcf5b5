// Paths without looking at any file. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cj::client {

// The absolute, normal form: `path` below `working_directory` unless it is absolute, without "//",
// ".", a slash at the end, and with ".." taking away what stands before it. Symbolic links are not
// followed: the journal knows trees by the names they have.
std::string AbsolutePath(std::string_view working_directory, std::string_view path);

// `path` as seen from `directory` (both absolute and normal): "." for the directory itself, nothing
// for what is outside.
std::optional<std::string> RelativePath(std::string_view directory, std::string_view path);

}  // namespace cj::client
