// Scope on real directories: opens handles, remembers what it found. Used by the engine's writer
// thread only. The cache is bounded (kMaxRemembered directories) and forgets everything when a
// directory is renamed; forgetting costs a system call.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "fanotify/directories.h"
#include "journal/link_memory.h"
#include "journal/scope.h"
#include "journal/views.h"

namespace cj {

class DirectoryScope : public Scope {
 public:
  using Opener = std::function<Result<std::unique_ptr<Directories>>(std::span<const VolumeMount>)>;
  // 64 Ki directories cost some 8 MiB; a directory more costs 3 us again.
  static constexpr std::size_t kMaxRemembered = 64 * 1024;

  // `links` is told of names that come, and outlives the scope; may be null.
  DirectoryScope(const std::vector<Watch>& watches, Opener open, LinkMemory* links = nullptr);

  bool InScope(VolumeId volume, HandleView directory, std::string_view name) override;
  bool HasSeveralNames(VolumeId volume, HandleView object) override;
  bool HasFurtherNames(VolumeId volume, HandleView object, HandleView directory,
                       std::string_view name) override;
  Whereabouts Find(VolumeId volume, HandleView object) override;
  void SetWatches(const std::vector<Watch>& watches) override;
  void DirectoryMoved() override { remembered_.clear(); }
  void NamesCame(VolumeId volume, HandleView object, bool directory) override;
  void EndBatch() override { directories_.reset(); }

 private:
  struct Key {
    VolumeId volume;
    FileHandle handle;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept {
      return std::hash<FileHandle>()(key.handle) ^ key.volume.value;
    }
  };
  // `leads_to`: names in this directory that are, or are above, a watch's root; then also ".", the
  // directory itself. `sure`: it will be
  // the same as long as no directory is moved.
  struct Verdict {
    bool inside = false;
    bool sure = true;
    std::vector<std::string> leads_to;
  };

  struct Counted {  // how many names an object has, and the view that told
    std::size_t view = 0;
    std::uint64_t names = 0;
  };

  bool Open();
  bool HasView(VolumeId volume) const;
  // kNotFound, but with errno_value EXDEV: the object is gone.
  Result<Counted> CountNames(VolumeId volume, const FileHandle& object);
  bool SingleNameMayBeInside(std::size_t view, const FileHandle& object,
                             const FileHandle& directory, const std::string& name);
  Verdict Judge(VolumeId volume, const FileHandle& directory);

  std::vector<View> views_;
  std::vector<VolumeMount> mounts_;
  Opener open_;
  LinkMemory* links_;
  std::vector<VolumeId> whole_;  // volumes that are watched whole: nothing to ask
  std::unique_ptr<Directories> directories_;
  std::unordered_map<Key, Verdict, KeyHash> remembered_;
};

}  // namespace cj
