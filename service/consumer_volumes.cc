#include "service/consumer_volumes.h"

#include "base/text.h"

namespace cj {
namespace {

// Whether the watch holds `path`, or lies below it, as it was asked for or as it is bound.
bool Meets(const Watch& watch, const std::string& path) {
  auto related = [&](const std::string& top) {
    return !top.empty() && (PathContains(top, path) || PathContains(path, top));
  };
  return related(watch.wanted) || related(watch.volume.path);
}

}  // namespace

std::optional<std::vector<VolumeId>> VolumesOfConsumer(const Consumer& consumer,
                                                       const Binding& binding) {
  if (consumer.paths.empty()) return std::nullopt;
  std::vector<VolumeId> volumes;
  for (const std::string& path : consumer.paths) {
    bool held = false;
    for (const Watch& watch : binding.watches) {
      if (!Meets(watch, path)) continue;
      if (!watch.bound() || !watch.absent.empty()) return std::nullopt;
      held |= PathContains(watch.volume.path, path);
      volumes.push_back(watch.volume.id);
    }
    if (!held) return std::nullopt;
  }
  return volumes;
}

}  // namespace cj
