#include "tests/support/own_mounts.h"

#include <sched.h>
#include <sys/mount.h>

#include <cerrno>

namespace cj {

Status EnterOwnMountNamespace() {
  if (unshare(CLONE_NEWNS) != 0) {
    return ErrnoError(errno, "a mount namespace of our own (needs root)");
  }
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return ErrnoError(errno, "making mounts private");
  }
  return {};
}

}  // namespace cj
