// System calls on file handles, shared by the files of this folder. Any thread.
// Source: name_to_handle_at(2), open_by_handle_at(2) (needs CAP_DAC_READ_SEARCH).
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "fanotify/file_handle.h"

namespace cj {

struct HandleAt {
  FileHandle handle;
  int mount_id = 0;  // as in mountinfo
};

// The handle of `path` relative to `directory_fd`; `flags` are AT_EMPTY_PATH and AT_SYMLINK_FOLLOW.
// Equal, byte for byte, to the FIDs of events (pinned by tests/kernel/).
Result<HandleAt> GetHandle(int directory_fd, const char* path, int flags);

// Opens an object by its handle. `mount_fd` is any directory of its filesystem, not O_PATH.
// Invalid, with errno set, when it cannot be: ESTALE when the object is gone.
UniqueFd OpenHandle(int mount_fd, HandleView handle, int flags);

// Where /proc/self/fd says that the descriptor is, as it is now; " (deleted)" may be at its end.
// kLimit when the path is longer than the kernel can say (PATH_MAX).
Result<std::string> PathOfFd(int fd);

struct ObjectPlace {
  FileHandle parent;
  std::string name;
};
// One present name of a non-directory, seen through `mount_fd`; nullopt when its dentry is not
// cached, it has no name any more, the name lies outside of the mount, or it is renamed faster than
// we can look. What is returned was true at one moment during the call.
std::optional<ObjectPlace> LocateObject(int mount_fd, HandleView object);

}  // namespace cj
