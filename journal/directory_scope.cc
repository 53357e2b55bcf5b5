#include "journal/directory_scope.h"

#include <algorithm>
#include <cerrno>
#include <iterator>

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

// Its mount is gone, or anything but "not found": that says nothing of where the object is.
bool LeavesItOpen(const Error& error) {
  return error.code != ErrorCode::kNotFound || error.errno_value == EXDEV;
}

// The name in `directory` through which `root` is reached; empty when it is not above it.
std::string NameTowards(const std::string& directory, const std::string& root) {
  if (!PathIsBelow(directory, root)) return {};
  std::size_t start = directory == "/" ? 1 : directory.size() + 1;
  return root.substr(start, root.find('/', start) - start);
}

}  // namespace

DirectoryScope::DirectoryScope(const std::vector<Watch>& watches, Opener open, LinkMemory* links)
    : open_(std::move(open)), links_(links) {
  SetWatches(watches);
}

void DirectoryScope::SetWatches(const std::vector<Watch>& watches) {
  directories_.reset();
  remembered_.clear();
  if (links_ != nullptr) links_->ForgetAll();
  // Of a tree that is not there nothing is watched: a gap, until it is found again.
  std::vector<Watch> present;
  std::copy_if(watches.begin(), watches.end(), std::back_inserter(present),
               [](const Watch& watch) { return watch.absent.empty(); });
  views_ = MakeViews(present);
  mounts_ = MountsOf(views_);
  whole_.clear();
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
  bool shown = false;
  bool alive = false;
  Verdict verdict;
  for (std::size_t i = 0; i < views_.size(); ++i) {
    if (views_[i].mount.id != volume) continue;
    auto path = directories_->Path(i, directory);
    if (!path.has_value()) {
      verdict.sure &= !LeavesItOpen(path.error());
      // One that was deleted and is still open somewhere has a handle that opens, and no name.
      const auto links = directories_->LinkCount(i, directory);
      const bool lives = links.has_value() && *links != 0;
      alive |= lives;
      // A whole filesystem shows all that lives, and this one will be found when it is asked again.
      verdict.sure &= !lives || views_[i].mount.mount_root != "/";
      continue;
    }
    // Also where something is mounted over it: that may be gone again when somebody asks.
    shown = true;
    verdict.inside |= Covers(views_[i], path->path);
    for (const Watch& watch : views_[i].watches) {
      std::string name = NameTowards(path->path, watch.volume.path);
      if (name.empty()) continue;
      verdict.leads_to.push_back(std::move(name));
      verdict.leads_to.emplace_back(".");  // who may search it decides who sees the tree
    }
  }
  // A directory that is gone may have been inside. One that lives where none of our mounts shows it
  // (a bind mount shows a part of its volume) is outside; a move into view is an event of its own.
  verdict.sure |= verdict.inside;
  if (!verdict.sure || (!shown && !alive)) verdict.inside = true;
  return verdict;
}

bool DirectoryScope::InScope(VolumeId volume, HandleView directory, std::string_view name) {
  if (std::find(whole_.begin(), whole_.end(), volume) != whole_.end()) return true;
  Key key{volume, FileHandle(directory)};
  auto known = remembered_.find(key);
  if (known == remembered_.end()) {
    if (!HasView(volume)) return false;
    if (!Open()) return true;
    Verdict verdict = Judge(volume, key.handle);
    if (!verdict.sure) return true;
    if (remembered_.size() >= kMaxRemembered) remembered_.clear();
    known = remembered_.emplace(key, std::move(verdict)).first;
  }
  const Verdict& verdict = known->second;
  return verdict.inside || std::find(verdict.leads_to.begin(), verdict.leads_to.end(), name) !=
                               verdict.leads_to.end();
}

bool DirectoryScope::HasView(VolumeId volume) const {
  return std::any_of(views_.begin(), views_.end(),
                     [&](const View& view) { return view.mount.id == volume; });
}

Result<DirectoryScope::Counted> DirectoryScope::CountNames(VolumeId volume,
                                                           const FileHandle& object) {
  Error error{ErrorCode::kNotFound, "no watch is on the volume", 0};
  for (std::size_t i = 0; i < views_.size(); ++i) {
    if (views_[i].mount.id != volume) continue;
    auto count = directories_->LinkCount(i, object);
    if (count.has_value()) return Counted{i, *count};
    if (!LeavesItOpen(error)) error = std::move(count).error();
  }
  return error;
}

bool DirectoryScope::HasSeveralNames(VolumeId volume, HandleView object) {
  if (!Open()) return true;
  auto counted = CountNames(volume, FileHandle(object));
  if (!counted.has_value()) return LeavesItOpen(counted.error());
  return counted->names > 1;
}

void DirectoryScope::NamesCame(VolumeId volume, HandleView object, bool directory) {
  if (links_ == nullptr) return;
  if (directory) {
    links_->ForgetAll();
  } else {
    links_->Forget(volume, FileHandle(object));
  }
}

bool DirectoryScope::HasFurtherNames(VolumeId volume, HandleView object, HandleView directory,
                                     std::string_view name) {
  if (!Open()) return true;
  const FileHandle handle(object);
  auto counted = CountNames(volume, handle);
  if (!counted.has_value()) return LeavesItOpen(counted.error());
  if (counted->names == 0) return false;
  return counted->names > 1 ||
         SingleNameMayBeInside(counted->view, handle, FileHandle(directory), std::string(name));
}

// Mostly its name is cached, because somebody has just opened it, and inside.
Scope::Whereabouts DirectoryScope::Find(VolumeId volume, HandleView object) {
  if (!Open()) return {};
  const FileHandle handle(object);
  bool located = false;
  for (std::size_t i = 0; i < views_.size(); ++i) {
    if (views_[i].mount.id != volume) continue;
    auto place = directories_->Locate(i, handle);
    if (!place.has_value()) continue;
    located = true;
    if (!InScope(volume, place->parent.view(), place->name)) continue;
    return {true, std::move(place->parent), std::move(place->name)};
  }
  auto counted = CountNames(volume, handle);
  if (!counted.has_value()) return {LeavesItOpen(counted.error()), {}, {}};
  if (counted->names == 0) return {false, {}, {}};
  return {!located || counted->names > 1, {}, {}};
}

// The event's name is asked for first: it costs two system calls and mostly is the one.
bool DirectoryScope::SingleNameMayBeInside(std::size_t view, const FileHandle& object,
                                           const FileHandle& directory, const std::string& name) {
  if (directories_->IsNamed(view, object, directory, name)) return false;
  auto place = directories_->Locate(view, object);
  return !place.has_value() || InScope(views_[view].mount.id, place->parent.view(), place->name);
}

}  // namespace cj
