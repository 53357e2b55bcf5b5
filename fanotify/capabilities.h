// What this kernel and this filesystem offer, found by trying, never by version numbers.
// Any thread; each probe takes well under a millisecond but for the first group that is closed.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace cj {

// One line of `changectl doctor`.
struct Finding {
  std::string name;  // short and stable: "post-events", "pre-access"
  bool available = false;
  bool required = false;  // the daemon cannot work without it
  std::string meaning;    // what it promises, or what is lost without it
  std::string remedy;     // what to do when it is missing; empty when nothing helps
};

// The kernel as a whole: fanotify_init with our flags, unlimited queue, FAN_RENAME, target FIDs,
// evictable and ignore marks, FAN_PRE_ACCESS, FAN_REPORT_MNT, open_by_handle_at,
// /proc/PID/map_files.
std::vector<Finding> ProbeKernel();

// The filesystem that `path` is on: post marks, FAN_FS_ERROR, permission marks, UUID, and what is
// invisible there.
std::vector<Finding> ProbeFilesystem(const std::string& path);

}  // namespace cj
