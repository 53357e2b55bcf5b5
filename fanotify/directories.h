// From directory handles to present paths, and looks at single names: the part of the kernel that
// answering needs. An interface for tests; the real one opens handles. Not thread-safe: one per
// query or per thread, short-lived, because it holds a directory of every volume open (an open
// directory would keep the administrator from unmounting).
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "fanotify/file_handle.h"
#include "fanotify/volume.h"

namespace cj {

// What lstat and name_to_handle_at say of one name.
struct NameState {
  bool exists = false;
  FileHandle object;  // absent when the name does not exist or lies on another volume
  mode_t mode = 0;
  std::uint64_t link_count = 0;
  std::uint64_t inode = 0;
};

class Directories {
 public:
  virtual ~Directories() = default;

  // Where a directory is. `hidden`: another mount is over it or on the way to it, so that what is
  // found at the path is not it.
  struct Location {
    std::string path;
    bool hidden = false;
  };
  // The present path of a directory as seen through `mounts()[index]`, below that mount's point.
  // kNotFound: the directory is gone (ESTALE) or is not visible through this mount; with
  // errno_value EXDEV nothing is known, because the mount is gone or has moved. Never a path that
  // does not lead there without saying so: where the mount shows only a part of its filesystem the
  // inode is compared.
  virtual Result<Location> Path(std::size_t mount_index, const FileHandle& directory) = 0;

  // For a directory whose path is too long to be told (Path() gave kLimit): the path of the nearest
  // directory above it whose path is not.
  virtual Result<std::string> PathAbove(std::size_t mount_index, const FileHandle& directory) = 0;

  // The link count of the object. 0: it has no name, but somebody has it open. kNotFound: the
  // handle does not open any more (ESTALE). Any other error says nothing of the object, nor does
  // errno_value EXDEV: the mount is gone.
  virtual Result<std::uint64_t> LinkCount(std::size_t mount_index, const FileHandle& object) = 0;

  // The object's change time in nanoseconds; nullopt when the handle does not open any more.
  virtual std::optional<std::int64_t> ChangeTimeNsec(std::size_t, const FileHandle&) {
    return std::nullopt;
  }

  // State of `name` in the directory at `directory_path` (as Path() gave it). A directory that does
  // not exist is a name that does not exist. `name` "." is the directory itself. What another mount
  // is over exists, without an object; an error when one is on the way to it.
  virtual Result<NameState> Look(std::size_t mount_index, const std::string& directory_path,
                                 const std::string& name) = 0;

  // The same, for less where the names of one directory are asked for one after the other: it is
  // the directory that was at the path at the first of them. Where a regular file at the name has
  // the inode number of `expected`, it is taken for it: a stranger may have got the number, after
  // the death of the one that had it. Who expects none says so with an absent handle.
  virtual Result<NameState> Glance(std::size_t mount_index, const std::string& directory_path,
                                   const std::string& name, HandleView /*expected*/) {
    return Look(mount_index, directory_path, name);
  }

  // A glance into `directory` and no other. kNotFound: it was not what was found at the path at the
  // first glance, or what is there could not be opened or recognised; with errno_value EXDEV the
  // mount is gone. Of the file that says nothing. Any other error: it could not be looked at.
  virtual Result<NameState> GlanceIn(std::size_t mount_index, HandleView directory,
                                     const std::string& directory_path, const std::string& name,
                                     HandleView expected) = 0;

  // The next glances are as if they were the first ones: for whoever has to see what happened
  // since.
  virtual void Forget() = 0;

  // A present (parent, name) of a non-directory whose dentry is cached, by its handle; nullopt
  // where the kernel cannot tell (cold handle, deleted, or renamed meanwhile).
  struct Place {
    FileHandle parent;
    std::string name;
  };
  virtual std::optional<Place> Locate(std::size_t mount_index, const FileHandle& object) = 0;

  // True when `name` in `directory` is the object (not a directory), seen through the mount. False
  // also when that cannot be found out.
  virtual bool IsNamed(std::size_t mount_index, const FileHandle& object,
                       const FileHandle& directory, const std::string& name) = 0;

  // True when another mount is on the way to `path`, or over the whole of this one, or this one is
  // gone: what is found there is not what it shows.
  virtual bool IsHidden(std::size_t mount_index, const std::string& path) = 0;

  // Waits for renames of directories into the one at this path that have been done and not yet been
  // reported: who renames holds both directories' locks until the event is queued (vfs_rename() and
  // its callers in fs/namei.c), and so nobody reads them meanwhile. What is not there is not waited
  // for.
  virtual void AwaitRenames(std::size_t mount_index, const std::string& directory_path) = 0;

  // The handle of the directory at this path. kNotFound when gone.
  virtual Result<FileHandle> HandleOf(const std::string& path) = 0;

  virtual std::span<const VolumeMount> mounts() const = 0;
};

// Opens volume.path of each mount; a mount that is gone, or where another filesystem or another
// directory is now, gives kNotFound for everything asked through it. Fails only when descriptors
// run out.
Result<std::unique_ptr<Directories>> OpenDirectories(std::span<const VolumeMount> mounts);

}  // namespace cj
