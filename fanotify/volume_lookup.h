// Single questions about a filesystem that FindVolume and the groups ask. Inside this folder only.
// Any thread.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"
#include "fanotify/volume.h"

namespace cj {

// f_fsid of statfs(2), in the form that events have it. `path` is for the message.
Result<FsId> FsIdOfFd(int fd, const std::string& path);

// True when the directory `fd`, opened at `path`, is on the volume. The device number alone
// may have been given to another filesystem since. Of a btrfs it is the watched subvolume's, which
// may lie below; the fsid is that of the directory that was marked (MarkPath).
bool IsVolume(int fd, const std::string& path, const VolumeMount& volume);

// FS_IOC_GETFSUUID (Linux 6.9; ext4, xfs, btrfs, tmpfs and more); empty where there is none. Not
// for O_PATH descriptors.
std::string UuidFromIoctl(int directory_fd);

// What libblkid reads from the block device; empty where there is none or it may not be read.
std::string UuidFromBlkid(dev_t device);

// The directory through which the volume is marked: `path`, but for a path inside a subvolume of a
// btrfs that is mounted whole the mount point, because btrfs lets only the top level be marked.
std::string MarkPath(const VolumeMount& volume);

}  // namespace cj
