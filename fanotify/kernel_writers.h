// Files that the kernel itself writes without events. Inside this folder only. Any thread.
#pragma once

#include "base/result.h"
#include "fanotify/silent_files.h"

namespace cj {

// Backing files of loop devices that are open for writing (loop/backing_file of each in sysfs).
Status AddLoopDevices(SilentFiles* files);

// Swap files (/proc/swaps).
Status AddSwapFiles(SilentFiles* files);

}  // namespace cj
