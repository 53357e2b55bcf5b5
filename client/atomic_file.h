// Replaces a file as a whole.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/result.h"

namespace cj::client {

// A file with this content and mode takes the name, when all of it is on disk; what failed leaves
// the name as it was. Where the name is a symbolic link, the link is replaced. The temporary file
// beside it begins with a dot and has another suffix: who collects *.prom does not see it.
Status ReplaceFile(const std::string& path, std::string_view content, mode_t mode);

}  // namespace cj::client
