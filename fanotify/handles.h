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

// Opens what `path` is in the mount that `top_fd`, which was opened at `top`, is on, whatever may
// be mounted over that. Invalid with EXDEV in errno where another mount is over it or on the way,
// or where it is not below `top`; with ELOOP where a symbolic link is on the way. `flags` as of
// open(2); O_NOFOLLOW and O_CLOEXEC are added. Source: openat2(2), RESOLVE_NO_XDEV; without it
// (some containers refuse system calls that they do not know) what was opened by its path is
// compared, and links on the way are followed.
UniqueFd OpenWithin(int top_fd, const std::string& top, const std::string& path, int flags);

// The same for one name in a directory, and with no way around openat2(2): invalid without it.
UniqueFd OpenName(int directory_fd, const std::string& name, int flags);

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
