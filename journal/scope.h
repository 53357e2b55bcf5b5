// Is a directory under a watch, and not excluded? Decides what is recorded at all, and what an
// answer may name. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "fanotify/file_handle.h"
#include "fanotify/volume.h"

namespace cj {

// A subtree asked for. `volume.path` is its canonical root.
struct Watch {
  VolumeMount volume;
  std::string wanted = {};  // the path as it was asked for
  // Why what was asked for is not there at the moment; empty: it is.
  std::string absent = {};
  // False: it has not been there since the daemon runs. Then `volume` has a path and nothing else.
  bool bound() const { return volume.id != VolumeId(); }
  std::vector<std::string>
      excludes;  // fnmatch(3) patterns on the path below the root; '*' crosses '/'
  std::vector<std::string> excluded_paths;  // absolute; the journal's own state directory
};

// The question that the event stream asks for every parent directory. An interface because the
// stream's tests have no filesystem.
class Scope {
 public:
  virtual ~Scope() = default;
  // True when the directory is under some watch, when `name` in it leads to a watch's root, or when
  // that cannot be told (it is gone): a doubt costs a record too much, never one too few.
  virtual bool InScope(VolumeId volume, HandleView directory, std::string_view name) = 0;
  // True when the object (not a directory) has several names. False when it is gone.
  virtual bool HasSeveralNames(VolumeId volume, HandleView object) = 0;
  // True when the object (not a directory), which an event calls `name` in `directory`, may have
  // another name that is under a watch. Judged by what is there now: it has several names, or a
  // single one that is another and not known to be outside. A name that it had in between and lost
  // is told by the events that made and took it.
  virtual bool HasFurtherNames(VolumeId volume, HandleView object, HandleView directory,
                               std::string_view name) = 0;
  // Where an object (not a directory) is that somebody may write to. `inside` is false when none of
  // its names is under a watch, or it has none any more; a doubt is inside. `parent` and `name` are
  // empty where they could not be found.
  struct Whereabouts {
    bool inside = true;
    FileHandle parent;
    std::string name;
  };
  virtual Whereabouts Find(VolumeId, HandleView) { return {}; }
  // A directory was renamed or moved, or may have been: what was remembered of paths may be wrong
  // now. Not needed for a deletion: a dead directory's handle is never used again.
  virtual void DirectoryMoved() = 0;
  // Files have names in scope of which Batch::link_names does not tell: of `object` a new one, or,
  // when it is a directory, of any file below it.
  virtual void NamesCame(VolumeId volume, HandleView object, bool directory) = 0;
  // Other trees are watched from now on, or other filesystems are at their paths.
  virtual void SetWatches(const std::vector<Watch>& watches) { (void)watches; }
  // Called once before each batch: opens what the batch's questions need, and lets go of it after.
  virtual void BeginBatch() {}
  virtual void EndBatch() {}
};

// True when `path` (absolute) lies under the watch's root and neither it nor a directory above it,
// below the root, matches an exclude. Pure.
bool Covers(const Watch& watch, const std::string& path);

}  // namespace cj
