#include "fanotify/silent_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "fanotify/handles.h"
#include "fanotify/volume_lookup.h"

namespace cj {
namespace {

// What a file's filesystem answers that is broken, shut down, or out of reach. Others than ours may
// be so at any time, and one of ours that is cannot be written to.
bool IsOfTheFilesystem(int errno_value) {
  return errno_value == EIO || errno_value == ESTALE || errno_value == ENOTCONN ||
         errno_value == ETIMEDOUT || errno_value == EHOSTDOWN || errno_value == EREMOTEIO ||
         errno_value == ESHUTDOWN;
}

}  // namespace

Result<SilentFiles> SilentFiles::Of(std::span<const VolumeMount> volumes) {
  SilentFiles files;
  for (const VolumeMount& volume : volumes) {
    UniqueFd fd(::open(volume.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd) return ErrnoError(errno, volume.path);
    if (!IsVolume(fd.get(), volume.path, volume)) {
      return Error{ErrorCode::kNotFound, volume.path + ": another filesystem is there", 0};
    }
    files.watched_.push_back({&volume, std::move(fd), {}});
  }
  return files;
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
    if (IsOfTheFilesystem(errno)) return Outcome::kNotWatched;
    return ErrnoError(errno, path);
  }
  // Of a file on a filesystem that hangs (a server that is gone) this must not wait. What is asked
  // of local files is right all the same.
  struct statx status;
  constexpr unsigned kFlags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
  if (::statx(fd.get(), "", kFlags, STATX_TYPE | STATX_INO | STATX_CTIME, &status) != 0) {
    if (IsOfTheFilesystem(errno)) return Outcome::kNotWatched;
    return ErrnoError(errno, path);
  }
  struct stat info {};
  info.st_dev = makedev(status.stx_dev_major, status.stx_dev_minor);
  info.st_ino = status.stx_ino;
  info.st_mode = status.stx_mode;
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
    writer.ctime_nsec = status.stx_ctime.tv_sec * 1'000'000'000LL + status.stx_ctime.tv_nsec;
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
