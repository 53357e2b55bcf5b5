// Which volumes are in strict mode, made from the watches. Pure.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "checkpoint/strict_mode.h"
#include "checkpoint/watch_source.h"
#include "journal/scope.h"
#include "service/config/config.h"

namespace cj {

// The watches whose PreModify= is not off; both lists are in the same order.
std::vector<Watch> StrictWatches(const std::vector<Watch>& watches,
                                 const std::vector<WatchConfig>& configs);

// One for each volume that such a watch is on. The kernel asks by volume, so of several watches on
// one the stronger settings count.
std::vector<StrictVolume> StrictVolumes(const std::vector<Watch>& watches,
                                        const std::vector<WatchConfig>& configs);

// What the engine is told at the start; without the scope.
StrictOptions StrictOptionsOf(const Binding& binding, const std::vector<WatchConfig>& configs);

// The kernel refuses an open whose event finds no free descriptor with us. Those who wait take
// some, clients up to 1024 and a pipe each, the store 128.
inline constexpr std::uint64_t kMinStrictDescriptors = 8192;

// kLimit where this process may have fewer descriptors than that; `limit` is what it may have.
Status CheckDescriptors(std::uint64_t limit);

// As the configuration spells it.
const char* NameOf(PreModify mode);
const char* NameOf(Durability durability);

}  // namespace cj
