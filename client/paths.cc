#include "client/paths.h"

#include <algorithm>

#include "base/text.h"

namespace cj::client {

std::string AbsolutePath(std::string_view working_directory, std::string_view path) {
  std::string joined(path);
  if (path.empty() || path.front() != '/') joined = std::string(working_directory) + "/" + joined;
  std::string normal;
  for (std::size_t at = 0; at < joined.size();) {
    std::size_t end = std::min(joined.find('/', at), joined.size());
    std::string_view part = std::string_view(joined).substr(at, end - at);
    if (part == "..") {
      std::size_t slash = normal.rfind('/');
      normal.resize(slash == std::string::npos ? 0 : slash);
    } else if (!part.empty() && part != ".") {
      normal.append("/").append(part);
    }
    at = end + 1;
  }
  return normal.empty() ? "/" : normal;
}

std::optional<std::string> RelativePath(std::string_view directory, std::string_view path) {
  if (path == directory) return ".";
  if (!PathContains(directory, path)) return std::nullopt;
  return std::string(path.substr(directory == "/" ? 1 : directory.size() + 1));
}

}  // namespace cj::client
