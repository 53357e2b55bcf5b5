#include "journal/directory_scope.h"

#include <algorithm>

#include "base/text.h"

namespace cj {
namespace {

bool WatchedWhole(const View& view) {
  return view.mount.mount_root == "/" &&
         std::any_of(view.watches.begin(), view.watches.end(), [&](const Watch& watch) {
           return watch.volume.path == view.mount.mount_point && watch.excludes.empty() &&
                  watch.excluded_paths.empty();
         });
}

// The name in `directory` through which `root` is reached; empty when it is not above it.
std::string NameTowards(const std::string& directory, const std::string& root) {
  if (root == directory || !PathContains(directory, root)) return {};
  std::size_t start = directory == "/" ? 1 : directory.size() + 1;
  return root.substr(start, root.find('/', start) - start);
}

}  // namespace

DirectoryScope::DirectoryScope(const std::vector<Watch>& watches, Opener open)
    : views_(MakeViews(watches)), mounts_(MountsOf(views_)), open_(std::move(open)) {
  for (const View& view : views_) {
    if (WatchedWhole(view)) whole_.push_back(view.mount.id);
  }
}

bool DirectoryScope::Open() {
  if (directories_ == nullptr) {
    auto opened = open_(mounts_);
    if (opened.has_value()) directories_ = std::move(opened).value();
  }
  return directories_ != nullptr;
}

DirectoryScope::Verdict DirectoryScope::Judge(VolumeId volume, const FileHandle& directory) {
  bool found = false;
  bool alive = false;
  Verdict verdict;
  for (std::size_t i = 0; i < views_.size(); ++i) {
    if (views_[i].mount.id != volume) continue;
    auto path = directories_->Path(i, directory);
    if (!path.has_value()) {
      // Anything but "not found" leaves it open where the directory is.
      found |= path.error().code != ErrorCode::kNotFound;
      verdict.inside |= path.error().code != ErrorCode::kNotFound;
      alive |= directories_->LinkCount(i, directory).has_value();
      continue;
    }
    found = true;
    verdict.inside |= Covers(views_[i], *path);
    for (const Watch& watch : views_[i].watches) {
      std::string name = NameTowards(*path, watch.volume.path);
      if (!name.empty()) verdict.leads_to.push_back(std::move(name));
    }
  }
  // A directory that is gone may have been inside. One that lives where none of our mounts shows it
  // (a bind mount shows a part of its volume) is outside; a move into view is an event of its own.
  if (!found) verdict.inside = !alive;
  return verdict;
}

bool DirectoryScope::InScope(VolumeId volume, HandleView directory, std::string_view name) {
  if (std::find(whole_.begin(), whole_.end(), volume) != whole_.end()) return true;
  Key key{volume, FileHandle(directory)};
  auto known = remembered_.find(key);
  if (known == remembered_.end()) {
    if (!Open()) return true;
    if (remembered_.size() >= kMaxRemembered) remembered_.clear();
    known = remembered_.emplace(key, Judge(volume, key.handle)).first;
  }
  const Verdict& verdict = known->second;
  return verdict.inside || std::find(verdict.leads_to.begin(), verdict.leads_to.end(), name) !=
                               verdict.leads_to.end();
}

std::optional<DirectoryScope::Counted> DirectoryScope::CountNames(VolumeId volume,
                                                                  const FileHandle& object) {
  for (std::size_t i = 0; i < views_.size(); ++i) {
    if (views_[i].mount.id != volume) continue;
    auto count = directories_->LinkCount(i, object);
    if (count.has_value()) return Counted{i, *count};
  }
  return std::nullopt;
}

bool DirectoryScope::HasSeveralNames(VolumeId volume, HandleView object) {
  if (!Open()) return true;
  auto counted = CountNames(volume, FileHandle(object));
  return counted.has_value() && counted->names > 1;
}

bool DirectoryScope::HasFurtherNames(VolumeId volume, HandleView object, HandleView directory,
                                     std::string_view name) {
  if (!Open()) return true;
  const FileHandle handle(object);
  auto counted = CountNames(volume, handle);
  if (!counted.has_value() || counted->names == 0) return false;
  return counted->names > 1 ||
         SingleNameMayBeInside(counted->view, handle, FileHandle(directory), std::string(name));
}

// The event's name is asked for first: it costs two system calls and mostly is the one.
bool DirectoryScope::SingleNameMayBeInside(std::size_t view, const FileHandle& object,
                                           const FileHandle& directory, const std::string& name) {
  if (directories_->IsNamed(view, object, directory, name)) return false;
  auto place = directories_->Locate(view, object);
  return !place.has_value() || InScope(views_[view].mount.id, place->parent.view(), place->name);
}

}  // namespace cj
