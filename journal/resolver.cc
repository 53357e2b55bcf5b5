#include "journal/resolver.h"

#include "base/text.h"

namespace cj {

Result<PathResolver::Outcome> PathResolver::Resolve(std::size_t mount_index, VolumeId volume,
                                                    const FileHandle& directory) {
  return ResolveAt(mount_index, volume, directory, 0);
}

Result<PathResolver::Outcome> PathResolver::ResolveAt(std::size_t mount_index, VolumeId volume,
                                                      const FileHandle& directory, int depth) {
  const std::string key =
      std::to_string(mount_index) + "/" + std::to_string(volume.value) + "/" + directory.encoded;
  const auto known = remembered_.find(key);
  if (known != remembered_.end()) return known->second;
  CJ_ASSIGN_OR_RETURN(Outcome outcome, LookAt(mount_index, volume, directory, depth));
  if (remembered_.size() >= kMaxRemembered) remembered_.clear();
  // One that could not be found may be found from elsewhere, less deep.
  if (outcome.path.has_value()) remembered_.emplace(key, outcome);
  return outcome;
}

Result<PathResolver::Outcome> PathResolver::LookAt(std::size_t mount_index, VolumeId volume,
                                                   const FileHandle& directory, int depth) {
  auto path = directories_.Path(mount_index, directory);
  if (path.has_value()) {
    return Outcome{ResolvedPath{std::move(path->path), false, path->hidden},
                   Unresolved::kOutOfView};
  }
  if (path.error().code != ErrorCode::kNotFound) return path.error();
  return ResolveDead(mount_index, volume, directory, depth);
}

Result<PathResolver::Outcome> PathResolver::ResolveDead(std::size_t mount_index, VolumeId volume,
                                                        const FileHandle& directory, int depth) {
  CJ_ASSIGN_OR_RETURN(auto row, store_.FindDeadDirectory(volume, directory));
  if (!row.has_value()) {
    auto count = directories_.LinkCount(mount_index, directory);
    if (!count.has_value() && count.error().code != ErrorCode::kNotFound) return count.error();
    const bool alive = count.has_value() && *count != 0;  // not only held open by somebody
    return Outcome{std::nullopt, alive ? Unresolved::kOutOfView : Unresolved::kUnexplained};
  }
  // Rows of directories that a rename replaced are guesses, and may lead in a circle.
  if (depth >= kMaxDepth) return Outcome{std::nullopt, Unresolved::kUnexplained};
  CJ_ASSIGN_OR_RETURN(Outcome parent, ResolveAt(mount_index, volume, row->parent, depth + 1));
  if (!parent.path.has_value()) return parent;
  std::string path = JoinPath(parent.path->path, row->name);
  const bool hidden = parent.path->hidden || directories_.IsHidden(mount_index, path);
  return Outcome{ResolvedPath{std::move(path), true, hidden}, Unresolved::kOutOfView};
}

}  // namespace cj
