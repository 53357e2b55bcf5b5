#include "journal/record_paths.h"

#include "base/text.h"

namespace cj {

Result<std::string> RecordPaths::DirectoryPath(std::size_t view, VolumeId volume,
                                               const FileHandle& directory) {
  std::string key = std::to_string(view) + ":" + directory.encoded;
  auto known = remembered_.find(key);
  if (known != remembered_.end()) return known->second;
  CJ_ASSIGN_OR_RETURN(auto outcome, resolver_.Resolve(view, volume, directory));
  std::string path = outcome.path.has_value() ? outcome.path->path : std::string();
  if (remembered_.size() >= kMaxRemembered) remembered_.clear();
  remembered_.emplace(std::move(key), path);
  return path;
}

Result<std::string> RecordPaths::NamePath(std::size_t view, VolumeId volume,
                                          const FileHandle& directory, const std::string& name) {
  if (directory.empty()) return std::string();
  CJ_ASSIGN_OR_RETURN(std::string parent, DirectoryPath(view, volume, directory));
  if (parent.empty()) return parent;
  std::string path = name == "." ? parent : JoinPath(parent, name);
  return Covers(views_[view], path) ? path : std::string();
}

Result<RecordPaths::Paths> RecordPaths::Find(const Record& record,
                                             const std::function<bool(const Paths&)>& wanted) {
  for (std::size_t view = 0; view < views_.size(); ++view) {
    if (views_[view].mount.id != record.volume) continue;
    Paths paths;
    CJ_ASSIGN_OR_RETURN(paths.path, NamePath(view, record.volume, record.parent, record.name));
    CJ_ASSIGN_OR_RETURN(paths.from,
                        NamePath(view, record.volume, record.old_parent, record.old_name));
    paths.view = view;
    if (paths.path.empty() && paths.from.empty()) continue;
    if (!wanted || wanted(paths)) return paths;
  }
  return Paths{};
}

}  // namespace cj
