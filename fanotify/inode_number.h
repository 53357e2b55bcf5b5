// The inode number in a file handle, for the filesystems whose handles are known to be a number and
// a generation. Pure; tests/kernel/handles_test.cc holds it against the kernel.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "fanotify/file_handle.h"

namespace cj {

// `filesystem` as in VolumeIdentity::type. nullopt: the number says nothing (btrfs has the same
// ones in each subvolume), or the handle is of another form.
std::optional<std::uint64_t> InodeNumberOf(std::string_view filesystem, HandleView handle);

}  // namespace cj
