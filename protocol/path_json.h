// Paths in JSON. A path is bytes; JSON is UTF-8. A path that is UTF-8 is member `key`, any other is
// `key`_base64 (RFC 4648); exactly one of the two is there. Pure functions, any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace cj {

// Sets object[key] or object[key + "_base64"].
void PutPath(nlohmann::json& object, std::string_view key, std::string_view path);

// Appends to the array object[key] or object[key + "_base64"].
void AddPath(nlohmann::json& object, std::string_view key, std::string_view path);

// The bytes of the path; nullopt when neither member is there (or null). kInvalidArgument: both are
// there, a member is not a string, not base64, or holds a NUL byte.
Result<std::optional<std::string>> GetPath(const nlohmann::json& object, std::string_view key);

}  // namespace cj
