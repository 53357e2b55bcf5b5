#include "service/strict_watches.h"

#include <algorithm>
#include <string>

namespace cj {

std::vector<Watch> StrictWatches(const std::vector<Watch>& watches,
                                 const std::vector<WatchConfig>& configs) {
  std::vector<Watch> strict;
  for (std::size_t i = 0; i < watches.size() && i < configs.size(); ++i) {
    if (configs[i].pre_modify != PreModify::kOff) strict.push_back(watches[i]);
  }
  return strict;
}

std::vector<StrictVolume> StrictVolumes(const std::vector<Watch>& watches,
                                        const std::vector<WatchConfig>& configs) {
  std::vector<StrictVolume> volumes;
  for (std::size_t i = 0; i < watches.size() && i < configs.size(); ++i) {
    if (configs[i].pre_modify == PreModify::kOff || !watches[i].bound()) continue;
    auto known = std::find_if(volumes.begin(), volumes.end(), [&](const StrictVolume& volume) {
      return volume.volume.id == watches[i].volume.id;
    });
    if (known == volumes.end()) {
      volumes.push_back({watches[i].volume, PreMode::kOpen, false});
      known = volumes.end() - 1;
    }
    // By the mount point, which outlives any watched directory, of a watch that is there.
    if (known->volume.path != known->volume.mount_point || watches[i].absent.empty()) {
      known->volume = watches[i].volume;
      known->volume.path = known->volume.mount_point;
    }
    if (configs[i].pre_modify == PreModify::kAccess) known->mode = PreMode::kAccess;
    known->sync |= configs[i].durability == Durability::kSync;
  }
  return volumes;
}

StrictOptions StrictOptionsOf(const Binding& binding, const std::vector<WatchConfig>& configs) {
  StrictOptions options;
  options.volumes = binding.strict;
  for (const WatchConfig& config : configs) {
    if (config.pre_modify == PreModify::kOff) continue;
    options.wanted = true;
    options.sync |= config.durability == Durability::kSync;
  }
  return options;
}

Status CheckDescriptors(std::uint64_t limit) {
  if (limit >= kMinStrictDescriptors) return {};
  return Error{ErrorCode::kLimit,
               "PreModify= needs " + std::to_string(kMinStrictDescriptors) +
                   " file descriptors, and this process may have " + std::to_string(limit) +
                   ": programs would be refused what they open when none is left; raise "
                   "LimitNOFILE= (ulimit -Hn), or use PreModify=off"};
}

const char* NameOf(PreModify mode) {
  switch (mode) {
    case PreModify::kOff:
      return "off";
    case PreModify::kOpen:
      return "open";
    case PreModify::kAccess:
      return "access";
  }
  return "off";
}

const char* NameOf(Durability durability) {
  return durability == Durability::kSync ? "sync" : "wal";
}

}  // namespace cj
