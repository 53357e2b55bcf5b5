#include "checkpoint/watched_text.h"

#include <algorithm>

namespace cj {
namespace {

constexpr std::string_view kEnd("\0\0", 2);

std::vector<std::string_view> Parts(std::string_view text) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(kEnd), text.size());
    parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + kEnd.size(), text.size()));
  }
  return parts;
}

std::string PathOf(std::string_view part) {
  part.remove_prefix(std::min(part.find('\0'), part.size() - 1) + 1);
  return std::string(part.substr(0, part.find('\0')));
}

}  // namespace

std::string WatchedPart(const std::vector<std::string>& fields) {
  std::string part;
  for (const std::string& field : fields) part.append(field).push_back('\0');
  part.push_back('\0');
  return part;
}

std::vector<std::string> NewlyWatched(std::string_view before, std::string_view now) {
  const std::vector<std::string_view> known = Parts(before);
  std::vector<std::string> paths;
  for (const std::string_view part : Parts(now)) {
    if (std::find(known.begin(), known.end(), part) == known.end()) paths.push_back(PathOf(part));
  }
  return paths;
}

}  // namespace cj
