// What the store remembers of which trees were watched, and how: whoever is watched for the first
// time, or in another way, has been changed by others meanwhile. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cj {

// A watch's part of Binding::text: `fields`, none of them empty or with a NUL, the second one its
// path.
std::string WatchedPart(const std::vector<std::string>& fields);

// The paths of those parts of `now` that are not in `before`.
std::vector<std::string> NewlyWatched(std::string_view before, std::string_view now);

}  // namespace cj
