#include "fanotify/silent_files.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "fanotify/handles.h"
#include "fanotify/volume_lookup.h"

namespace cj {

SilentFiles::SilentFiles(std::span<const VolumeMount> volumes) {
  for (const VolumeMount& volume : volumes) {
    UniqueFd fd(::open(volume.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct stat info;
    if (!fd || ::fstat(fd.get(), &info) != 0 || info.st_dev != volume.device) continue;
    watched_.push_back({&volume, std::move(fd), {}});
  }
}

bool SilentFiles::WatchesSuperblock(dev_t device) const {
  return std::any_of(watched_.begin(), watched_.end(), [device](const Watched& watched) {
    return watched.volume->superblock_device == device;
  });
}

bool SilentFiles::IsOn(const Watched& watched, const struct stat& info,
                       const FileHandle& handle) const {
  if (info.st_dev == watched.volume->device) return true;
  // Each subvolume of a btrfs has a device number of its own. The handle knows its subvolume:
  // opened on the right filesystem it leads to the same inode of the same subvolume.
  if (watched.volume->identity.type != "btrfs") return false;
  UniqueFd fd = OpenHandle(watched.mount_fd.get(), handle.view(), O_PATH);
  struct stat opened;
  return fd && ::fstat(fd.get(), &opened) == 0 && opened.st_dev == info.st_dev &&
         opened.st_ino == info.st_ino;
}

Result<SilentFiles::Outcome> SilentFiles::Add(int directory_fd, const char* path,
                                              std::int32_t pid) {
  UniqueFd fd(::openat(directory_fd, path, O_PATH | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT || errno == ESRCH || errno == ENOTDIR || errno == ENXIO) {
      return Outcome::kGone;
    }
    return ErrnoError(errno, path);
  }
  struct stat info;
  if (::fstat(fd.get(), &info) != 0) return ErrnoError(errno, path);
  if (!S_ISREG(info.st_mode)) return Outcome::kNotWatched;
  auto handle = GetHandle(fd.get(), "", AT_EMPTY_PATH);
  // A filesystem without handles (EOPNOTSUPP) cannot be one of ours.
  if (!handle) return Outcome::kNotWatched;
  for (Watched& watched : watched_) {
    if (!IsOn(watched, info, handle->handle)) continue;
    if (!watched.found.insert(handle->handle).second) return Outcome::kAdded;
    SilentWriter writer;
    writer.volume = watched.volume->id;
    writer.pid = pid;
    if (auto place = LocateObject(watched.mount_fd.get(), handle->handle.view())) {
      writer.parent = std::move(place->parent);
      writer.name = std::move(place->name);
    }
    writer.object = std::move(handle->handle);
    writers_.push_back(std::move(writer));
    return Outcome::kAdded;
  }
  return Outcome::kNotWatched;
}

}  // namespace cj
