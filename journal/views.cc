#include "journal/views.h"

#include <algorithm>

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

Status CheckWatched(const std::vector<std::string>& paths, const std::vector<Watch>& watches) {
  const std::vector<View> views = MakeViews(watches);
  for (const std::string& path : paths) {
    const bool covered = std::any_of(views.begin(), views.end(), [&](const View& view) {
      return Covers(view, path) || IsAboveWatch(view, path);
    });
    const bool absent = std::any_of(watches.begin(), watches.end(), [&](const Watch& watch) {
      return !watch.bound() && IsAsked(watch, {path});
    });
    if (!covered && !absent) {
      return Error{ErrorCode::kInvalidArgument,
                   path + " is not under any watch, or is excluded: see `changectl status`"};
    }
  }
  return {};
}

}  // namespace cj
