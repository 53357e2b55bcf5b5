// Volumes (mounted filesystems, one per superblock), how they are found again, and mountinfo.
// Free functions may be called from any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/strong_id.h"
#include "base/unique_fd.h"
#include "fanotify/event.h"
#include "fanotify/file_handle.h"

namespace cj {

// The journal's own number for a volume, stable across mounts and boots (the fsid is not).
using VolumeId = StrongId<struct VolumeIdTag, std::uint32_t>;

// What makes a filesystem the same one after a reboot: its type and UUID. tmpfs has a UUID that
// lives as long as the mount, which is right: its contents do, too. Where there is no UUID,
// `uuid` is "fsid-<16 hex digits>", good for the present mount only.
struct VolumeIdentity {
  std::string type;  // as mountinfo has it: "ext4"
  std::string uuid;  // lower-case hexadecimal with dashes, as blkid prints it
  friend auto operator<=>(const VolumeIdentity&, const VolumeIdentity&) = default;
};

// One line of /proc/self/mountinfo, unescaped. Source: proc_pid_mountinfo(5).
struct Mount {
  int id = 0;
  dev_t device = 0;
  std::string root;   // path inside the filesystem that is the mount's root; "/" for a whole mount
  std::string point;  // where it is mounted, as this process sees it
  std::string type;
  std::string source;
  bool read_only = false;
  std::string super_options;  // of the filesystem, still escaped: see MountOption
};

// Parses mountinfo text. A damaged line is kCorruption with its number.
Result<std::vector<Mount>> ParseMountinfo(std::string_view text);
// Reads and parses /proc/self/mountinfo, again when it changed meanwhile.
Result<std::vector<Mount>> ReadMounts();
// The unescaped value of `key=` in a list of mount options; empty when it is not there.
std::string MountOption(std::string_view options, std::string_view key);

// A volume seen through one mount: what a watch needs to mark it and to resolve its handles.
struct VolumeMount {
  VolumeId id;  // set by the owner of the volume table; FindVolume leaves 0
  VolumeIdentity identity;
  FsId fsid;                    // the one that events of a mark on this volume carry
  dev_t device = 0;             // st_dev of `path`; on btrfs each subvolume has its own
  dev_t superblock_device = 0;  // the device in mountinfo and in /proc/PID/maps; one per volume
  std::string path;             // the canonical path it was found by, a directory (a watch's root)
  std::string mount_point;      // of the mount that `path` is on
  std::string mount_root;       // Mount::root of that mount
  FileHandle mount_handle;      // of the directory at mount_point; may be empty
  FileHandle root;              // of the directory `path`; empty: the filesystem has no handles
};

// The number of the mount that an open descriptor is on. Unlike mountinfo's it is never given to
// another mount later, where the kernel has such numbers (Linux 6.8).
Result<std::uint64_t> MountNumber(int fd);

// Finds the volume that the directory `path` is on. `path` is made canonical (realpath). Errors say
// what to do instead: not a directory, not there, a relative path.
Result<VolumeMount> FindVolume(const std::string& path);

}  // namespace cj
