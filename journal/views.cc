#include "journal/views.h"

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "base/text.h"
#include "journal/gaps.h"

namespace cj {

std::vector<View> MakeViews(const std::vector<Watch>& watches) {
  std::vector<View> views;
  for (const Watch& watch : watches) {
    if (!watch.bound()) continue;
    auto same = [&](const View& view) {
      return view.mount.id == watch.volume.id &&
             view.mount.mount_point == watch.volume.mount_point &&
             view.mount.mount_handle == watch.volume.mount_handle;
    };
    auto found = std::find_if(views.begin(), views.end(), same);
    if (found == views.end()) {
      View view;
      view.mount = watch.volume;
      view.mount.path = watch.volume.mount_point;
      views.push_back(std::move(view));
      found = views.end() - 1;
    }
    found->watches.push_back(watch);
  }
  return views;
}

std::vector<VolumeMount> MountsOf(const std::vector<View>& views) {
  std::vector<VolumeMount> mounts;
  mounts.reserve(views.size());
  for (const View& view : views) mounts.push_back(view.mount);
  return mounts;
}

bool Covers(const View& view, const std::string& path) {
  return std::any_of(view.watches.begin(), view.watches.end(),
                     [&](const Watch& watch) { return Covers(watch, path); });
}

bool IsAboveWatch(const View& view, const std::string& path) {
  return std::any_of(view.watches.begin(), view.watches.end(),
                     [&](const Watch& watch) { return PathIsBelow(path, watch.volume.path); });
}

std::vector<std::string> KnownParts(std::vector<std::string> paths, Viewer* viewer) {
  if (viewer == nullptr) return paths;
  const ViewerStep step(viewer);
  for (std::string& path : paths) {
    for (;;) {
      std::string above(SplitPath(path).directory);
      if (above == path || viewer->Look(above).searchable) break;
      path = std::move(above);
    }
  }
  return paths;
}

Status CheckWatched(const std::vector<std::string>& paths, const std::vector<Watch>& watches,
                    Viewer* viewer) {
  const std::vector<View> views = MakeViews(watches);
  const std::vector<std::string> known = KnownParts(paths, viewer);
  for (std::size_t i = 0; i < known.size(); ++i) {
    const std::string& path = known[i];
    const bool covered = std::any_of(views.begin(), views.end(), [&](const View& view) {
      return Covers(view, path) || IsAboveWatch(view, path);
    });
    const bool absent = std::any_of(watches.begin(), watches.end(), [&](const Watch& watch) {
      return !watch.bound() && IsAsked(watch, {path});
    });
    if (!covered && !absent) {
      return Error{ErrorCode::kInvalidArgument,
                   paths[i] + " is not under any watch, or is excluded: see `changectl status`"};
    }
  }
  return {};
}

namespace {

// Could the pattern match a name that begins so? What follows its first wildcard may be anything.
bool MayMatch(std::string_view pattern, std::string_view beginning) {
  const std::string_view literal = pattern.substr(0, pattern.find_first_of("*?[\\"));
  const std::size_t both = std::min(literal.size(), beginning.size());
  return literal.substr(0, both) == beginning.substr(0, both);
}

bool MayExcludeBelow(const Watch& watch, const std::string& path) {
  const std::string root = JoinPath(watch.volume.path, "");
  const std::string asked = JoinPath(path, "");
  const bool inside = PathContains(watch.volume.path, path);
  if (!inside && !PathContains(path, watch.volume.path)) return false;
  const std::string beginning = inside ? asked.substr(root.size()) : "";
  return std::any_of(watch.excludes.begin(), watch.excludes.end(),
                     [&](const std::string& pattern) { return MayMatch(pattern, beginning); });
}

}  // namespace

bool MayExcludeBelow(const std::vector<std::string>& paths, const std::vector<Watch>& watches) {
  return std::any_of(watches.begin(), watches.end(), [&](const Watch& watch) {
    if (paths.empty()) return !watch.excludes.empty();
    return std::any_of(paths.begin(), paths.end(),
                       [&](const std::string& path) { return MayExcludeBelow(watch, path); });
  });
}

}  // namespace cj
