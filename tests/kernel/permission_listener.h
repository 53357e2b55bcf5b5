// Answers the permission events of a filesystem on a thread of its own, and remembers them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/thread_annotations.h"
#include "base/unique_fd.h"
#include "fanotify/pre_group.h"
#include "fanotify/volume.h"

namespace cj {

struct SeenPermission {
  std::uint64_t mask = 0;
  bool may_be_written = false;
  bool has_range = false;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  FileHandle object;
};

class PermissionListener {
 public:
  // Marks the volume of `directory`. `ignore`: every object is ignored once it was seen. Broken
  // expectations end the test.
  PermissionListener(const std::string& directory, PreMode mode, bool ignore = false);
  ~PermissionListener();

  // Every event so far, which is forgotten: an event is answered after it was remembered.
  std::vector<SeenPermission> Take() EXCLUDES(mutex_);
  PreGroup& group() { return *group_; }
  const VolumeMount& volume() const { return volume_; }

 private:
  void Run();
  void Answer(const PreEvent& event) EXCLUDES(mutex_);

  VolumeMount volume_;
  std::unique_ptr<PreGroup> group_;
  const bool ignore_;
  UniqueFd stop_;
  Mutex mutex_;
  std::vector<SeenPermission> seen_ GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace cj
