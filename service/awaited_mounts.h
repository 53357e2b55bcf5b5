// What /etc/fstab mounts, and nobody has yet: a tree that cannot be watched as it is may only have
// to wait for that. Any thread.
#pragma once

#include <string>

#include "checkpoint/watch_source.h"

namespace cj {

// Where a line of `fstab`, the text of an fstab(5), mounts something at `path` or above it and
// below `mount_point`, of the mount that `path` is on now; empty: nowhere. Pure.
std::string AwaitedMount(const std::string& fstab, const std::string& path,
                         const std::string& mount_point);

// Of all watches that are bound, by the file; empty where it cannot be read.
std::string AwaitedMount(const Binding& binding, const std::string& file = "/etc/fstab");

}  // namespace cj
