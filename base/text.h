// Small facts about text. File names are bytes; what leaves us as JSON must be UTF-8, so a name
// that is not travels as base64. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cj {

// Well-formed UTF-8 as RFC 3629 has it: no surrogates, no overlong forms, nothing over U+10FFFF.
bool IsUtf8(std::string_view bytes);

// RFC 4648 base64 with padding. Decoding refuses anything else.
std::string Base64Encode(std::string_view bytes);
std::optional<std::string> Base64Decode(std::string_view text);

// True when `path` is `directory` or lies below it. Both absolute, without trailing slash ("/" is
// allowed as directory). "/srv" contains "/srv/a" but not "/srvx".
bool PathContains(std::string_view directory, std::string_view path);
// The same without `directory` itself.
bool PathIsBelow(std::string_view directory, std::string_view path);

// directory + "/" + name, without doubling the slash of "/".
std::string JoinPath(std::string_view directory, std::string_view name);

// The reverse, for a normal absolute path: "/a/b" is "/a" and "b", "/a" is "/" and "a". "/" has no
// name. The parts are views of `path`.
struct PathParts {
  std::string_view directory;
  std::string_view name;
};
PathParts SplitPath(std::string_view path);

}  // namespace cj
