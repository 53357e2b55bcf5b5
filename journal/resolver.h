// From directory handles to paths, for living directories (the kernel knows) and dead ones (the
// journal knows where they were deleted). Not thread-safe; lives as long as one step of an answer,
// and remembers for so long where directories are: of a tree that went every directory asks for all
// that were above it.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "fanotify/directories.h"
#include "journal/store.h"

namespace cj {

struct ResolvedPath {
  std::string path;
  bool dead = false;    // the directory is gone: the path is where it was when it went
  bool hidden = false;  // something is mounted over it, or on the way to it
};

enum class Unresolved {
  kOutOfView,    // it lives, but this mount does not show it
  kUnexplained,  // it is gone and no record says where it was
};

class PathResolver {
 public:
  // Directories may lie this deep below each other in the table of the dead: their names could not
  // be told in a path otherwise.
  static constexpr int kMaxDepth = 2048;

  // So many directories are remembered; beyond, all are forgotten.
  static constexpr std::size_t kMaxRemembered = 16 * 1024;

  PathResolver(const Store& store, Directories& directories)
      : store_(store), directories_(directories) {}

  // Store errors are errors; a directory that has no path is a value.
  struct Outcome {
    std::optional<ResolvedPath> path;
    Unresolved why = Unresolved::kOutOfView;  // only without a path
  };
  Result<Outcome> Resolve(std::size_t mount_index, VolumeId volume, const FileHandle& directory);

 private:
  Result<Outcome> ResolveDead(std::size_t mount_index, VolumeId volume, const FileHandle& directory,
                              int depth);
  Result<Outcome> ResolveAt(std::size_t mount_index, VolumeId volume, const FileHandle& directory,
                            int depth);
  Result<Outcome> LookAt(std::size_t mount_index, VolumeId volume, const FileHandle& directory,
                         int depth);

  const Store& store_;
  Directories& directories_;
  std::unordered_map<std::string, Outcome> remembered_;  // by mount, volume and handle
};

}  // namespace cj
