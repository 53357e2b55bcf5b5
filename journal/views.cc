#include "journal/views.h"

#include <algorithm>

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

}  // namespace cj
