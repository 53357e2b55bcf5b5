// Paths of single records, for looking at the journal itself. Not thread-safe; short-lived (it
// holds a directory of every volume open). Remembers directories, at most kMaxRemembered of them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "fanotify/directories.h"
#include "journal/resolver.h"
#include "journal/store.h"
#include "journal/views.h"

namespace cj {

class RecordPaths {
 public:
  static constexpr std::size_t kMaxRemembered = 16 * 1024;

  struct Paths {
    std::string path;      // empty: no watch shows it, or it cannot be told any more
    std::string from;      // of a rename
    std::size_t view = 0;  // that shows it, where one does
  };

  // All outlive this object.
  RecordPaths(const Store& store, const std::vector<View>& views, Directories& directories)
      : views_(views), resolver_(store, directories) {}

  // The paths by the first view that shows the record as it is wanted: several mounts may show a
  // volume. Empty ones where there is none.
  Result<Paths> Find(const Record& record,
                     const std::function<bool(const Paths&)>& wanted = nullptr);

 private:
  Result<std::string> DirectoryPath(std::size_t view, VolumeId volume, const FileHandle& directory);
  Result<std::string> NamePath(std::size_t view, VolumeId volume, const FileHandle& directory,
                               const std::string& name);

  const std::vector<View>& views_;
  PathResolver resolver_;
  std::unordered_map<std::string, std::string> remembered_;
};

}  // namespace cj
