#include "journal/scope.h"

#include <fnmatch.h>

#include "base/text.h"

namespace cj {
namespace {

// The part of `path` below `root`; empty for the root itself. Requires PathContains(root, path).
std::string_view Below(std::string_view root, std::string_view path) {
  if (root == "/") return path.substr(1);
  return path.size() == root.size() ? std::string_view() : path.substr(root.size() + 1);
}

bool MatchesExclude(const std::vector<std::string>& excludes, std::string_view below) {
  // A pattern that matches a directory excludes what is below it: every leading part is asked.
  for (std::size_t end = below.find('/');; end = below.find('/', end + 1)) {
    std::string part(below.substr(0, end));
    for (const std::string& pattern : excludes) {
      if (::fnmatch(pattern.c_str(), part.c_str(), 0) == 0) return true;
    }
    if (end == std::string_view::npos) return false;
  }
}

}  // namespace

bool Covers(const Watch& watch, const std::string& path) {
  if (!PathContains(watch.volume.path, path)) return false;
  for (const std::string& excluded : watch.excluded_paths) {
    if (PathContains(excluded, path)) return false;
  }
  std::string_view below = Below(watch.volume.path, path);
  return below.empty() || watch.excludes.empty() || !MatchesExclude(watch.excludes, below);
}

}  // namespace cj
