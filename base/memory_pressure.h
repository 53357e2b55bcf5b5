// Is memory running out, for the machine or for this process's control group? Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace cj {

// The parts of it, pure. nullopt: the text does not say.
//
// "MemAvailable:   123 kB" of /proc/meminfo, in bytes. Source: proc_meminfo(5).
std::optional<std::uint64_t> MeminfoBytes(std::string_view meminfo, std::string_view name);
// The path of the unified hierarchy ("0::/system.slice/x.service") in /proc/self/cgroup. Source:
// cgroups(7).
std::string UnifiedControlGroup(std::string_view cgroup);
// A sixteenth or less is left: time to let go of what can be let go of, before the kernel chooses.
bool IsShort(std::uint64_t available, std::uint64_t total);

// Looks at /proc/meminfo and at memory.max of the control group. What cannot be read is not short.
bool MemoryIsShort();

}  // namespace cj
