// The part of Answer that finds the other names of changed files. A file's data shows at all of its
// names; the kernel names only the one that was used. Known are the names in the interval's
// records, those learned when a link was made (Store::FindLinkNames), and, when the link count says
// that there are more, those that a walk over the watched trees finds (and stores).
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "base/text.h"
#include "journal/answer.h"
#include "journal/gaps.h"
#include "journal/path_order.h"
#include "journal/record_codec.h"

namespace cj {
namespace {

// Names found by a walk are stored in batches of this size.
constexpr std::size_t kLinkBatch = 1024;
constexpr ObjectIndex kCancelInterval = 4096;

}  // namespace

// Of the gaps in which names of its files may have come and gone.
std::uint64_t Answer::GapsOf(VolumeId volume) {
  auto known = gaps_of_.find(volume);
  if (known != gaps_of_.end()) return known->second;
  std::vector<Watch> on_volume;
  std::copy_if(environment_.watches.begin(), environment_.watches.end(),
               std::back_inserter(on_volume),
               [&](const Watch& watch) { return watch.volume.id == volume; });
  std::string text;
  for (const PeriodInfo& period : environment_.store->PeriodsWithGaps(PeriodId(), kNoPeriod)) {
    PeriodInfo concerned;
    for (const Gap& gap : period.gaps) {
      if (Concerns(gap, on_volume, environment_.watches)) concerned.gaps.push_back(gap);
    }
    if (concerned.gaps.empty()) continue;
    text += std::to_string(period.id.value) + ":";
    EncodePeriod(concerned, &text);
  }
  return gaps_of_[volume] = std::hash<std::string>()(text);
}

Status Answer::TellOtherLinks(Directories& directories) {
  if (rescan_all_) return {};
  CJ_RETURN_IF_ERROR(FindUnseen(directories));
  const bool links_wanted = request_.presence != Presence::kDeleted &&
                            (request_.classes == 0 || (request_.classes & kMetadataClass) != 0);
  if (request_.until_now && links_wanted) CJ_RETURN_IF_ERROR(FindMovedLinks(directories));
  std::vector<ObjectIndex> objects;
  for (const auto& [object, links] : linked_) objects.push_back(object);
  std::vector<ObjectIndex> missing;
  for (ObjectIndex object : objects) {
    CJ_RETURN_IF_ERROR(Cancelled());
    CJ_RETURN_IF_ERROR(TellKnownLinks(directories, object));
    const Links& links = linked_[object];
    const FoldedObject& folded = fold_.objects()[object];
    if (links.verified >= links.count) continue;
    if (environment_.link_memory != nullptr &&
        environment_.link_memory->Searched(folded.volume, FileHandle::FromEncoded(folded.handle),
                                           {links.count, links.verified, GapsOf(folded.volume)})) {
      continue;
    }
    // The count may be of a stranger with its inode number (MayBeKnownByNumber).
    CJ_ASSIGN_OR_RETURN(const bool dead, IsDeadFile(directories, object));
    if (!dead) missing.push_back(object);
  }
  if (missing.empty()) return {};
  LinkMemory::Search search(environment_.link_memory);
  directories.Forget();  // a directory that was opened before may be another one's at that path
  CJ_RETURN_IF_ERROR(LearnLinks(directories, missing));
  CJ_RETURN_IF_ERROR(CheckMounted(directories));  // before it is remembered
  for (ObjectIndex object : missing) {
    CJ_RETURN_IF_ERROR(Cancelled());
    CJ_RETURN_IF_ERROR(TellKnownLinks(directories, object));
    const FoldedObject& folded = fold_.objects()[object];
    search.Note(folded.volume, FileHandle::FromEncoded(folded.handle),
                {linked_[object].count, linked_[object].verified, GapsOf(folded.volume)});
  }
  return {};
}

Result<bool> Answer::IsDeadFile(Directories& directories, ObjectIndex object) const {
  const FoldedObject& folded = fold_.objects()[object];
  for (std::size_t view = 0; view < views_.size(); ++view) {
    if (views_[view].mount.id != folded.volume) continue;
    auto count = directories.LinkCount(view, FileHandle::FromEncoded(folded.handle));
    if (count.has_value()) return false;
    if (count.error().errno_value == EXDEV) return false;  // CheckMounted() will say it
    if (count.error().code != ErrorCode::kNotFound) return count.error();
  }
  return true;
}

// In an interval that is over a file may have left its name since, and others may be where they
// were, also of one that looks as if it had been made in the interval: the creation of a link may
// have been merged with what was there of the name before.
bool Answer::IsLookedForByHandle(ObjectIndex index) const {
  const FoldedObject& object = fold_.objects()[index];
  if (object.is_directory || seen_[index]) return false;
  if (request_.until_now) return object.classes != 0;
  return object.classes != 0 || (held_[index] && (object.renamed || object.linked));
}

// Changed files that no covered name has shown: changed through a name outside of every watch, or
// by a silent writer whose name for it could not be found at that moment.
Status Answer::FindUnseen(Directories& directories) {
  for (ObjectIndex object = 0; object < fold_.objects().size(); ++object) {
    if (object % kCancelInterval == 0) CJ_RETURN_IF_ERROR(Cancelled());
    const FoldedObject& folded = fold_.objects()[object];
    if (!IsLookedForByHandle(object)) continue;
    FileHandle handle = FileHandle::FromEncoded(folded.handle);
    for (std::size_t view = 0; view < views_.size(); ++view) {
      if (views_[view].mount.id != folded.volume) continue;
      auto count = directories.LinkCount(view, handle);
      if (!count.has_value() && count.error().code != ErrorCode::kNotFound) return count.error();
      if (!count.has_value() || *count == 0) break;
      linked_[object].count = *count;
      auto place = directories.Locate(view, handle);
      if (place.has_value()) {
        CJ_RETURN_IF_ERROR(TellLink(directories, object, place->parent, place->name));
      }
    }
  }
  return {};
}

// A directory that moved takes along names of files that have others elsewhere. Who copies it anew
// would part them: those others have to be told.
Status Answer::FindMovedLinks(Directories& directories) {
  std::sort(moved_trees_.begin(), moved_trees_.end(), [](const MovedTree& a, const MovedTree& b) {
    return a.view != b.view ? a.view < b.view : PathLess(a.path, b.path);
  });
  const MovedTree* above = nullptr;
  for (const MovedTree& tree : moved_trees_) {
    if (above != nullptr && above->view == tree.view && PathContains(above->path, tree.path)) {
      continue;
    }
    above = &tree;
    TreeWalk walk(tree.path);
    for (;;) {
      CJ_RETURN_IF_ERROR(Cancelled());
      std::vector<TreeWalk::Member> members;
      CJ_ASSIGN_OR_RETURN(bool more, walk.NextDirectory(&members));
      if (!more) break;
      CJ_RETURN_IF_ERROR(CountMovedLinks(directories, tree, members));
    }
  }
  seen_.resize(fold_.objects().size(), true);
  present_name_.resize(fold_.objects().size(), kNone);
  return {};
}

// The members of one directory.
Status Answer::CountMovedLinks(Directories& directories, const MovedTree& tree,
                               const std::vector<TreeWalk::Member>& members) {
  FileHandle parent;
  for (const TreeWalk::Member& member : members) {
    if (S_ISDIR(member.status.st_mode) || member.status.st_nlink < 2) continue;
    const PathParts parts = SplitPath(member.path);
    const std::string directory(parts.directory);
    const std::string name(parts.name);
    auto looked = SeeElsewhere(directories, tree.view, directory, name);
    if (!looked.has_value() && looked.error().errno_value == EXDEV) return {};  // another mount's
    CJ_ASSIGN_OR_RETURN(NameState now, std::move(looked));
    if (!now.exists || now.object.empty() || now.link_count < 2) continue;
    if (parent.empty()) {
      auto handle = directories.HandleOf(directory);
      if (!handle.has_value()) return {};  // gone meanwhile
      parent = std::move(handle).value();
    }
    const ObjectIndex object = fold_.AddObject(views_[tree.view].mount.id, now.object);
    if (linked_.size() >= environment_.limits.max_moved_links) {
      return Error{ErrorCode::kRescanNeeded,
                   "below " + tree.path + " and other directories that moved there are more than " +
                       std::to_string(environment_.limits.max_moved_links) +
                       " files with several names",
                   0};
    }
    Links& links = linked_[object];
    links.count = now.link_count;
    if (ToldByName(object, parent, name)) continue;
    const std::string key = std::to_string(object) + "/" + parent.encoded + "/" + name;
    if (links_seen_.insert(key).second) ++links.verified;
  }
  return {};
}

bool Answer::ToldByName(ObjectIndex object, const FileHandle& parent,
                        const std::string& name) const {
  DirectoryIndex directory = fold_.FindDirectory(fold_.objects()[object].volume, parent);
  return directory != kNone && !place_of_[directory].empty() &&
         (fold_.FindName(directory, name) != kNone || IsTold(directory, name));
}

Status Answer::TellKnownLinks(Directories& directories, ObjectIndex object) {
  const FoldedObject& folded = fold_.objects()[object];
  CJ_ASSIGN_OR_RETURN(auto names, environment_.store->FindLinkNames(
                                      folded.volume, FileHandle::FromEncoded(folded.handle)));
  for (const LinkName& name : names) {
    CJ_RETURN_IF_ERROR(TellLink(directories, object, name.parent, name.name));
  }
  return {};
}

// Tells of one more name of a changed file, if the file is there and no record has told of it.
// Names outside of every watch count, but are not told.
Status Answer::TellLink(Directories& directories, ObjectIndex object, const FileHandle& parent,
                        const std::string& name) {
  const FoldedObject& folded = fold_.objects()[object];
  // Where the records tell of the name it is counted all the same, unless it has been.
  const bool told = ToldByName(object, parent, name);
  if (told && seen_[object]) return {};
  if (!links_seen_.insert(std::to_string(object) + "/" + parent.encoded + "/" + name).second) {
    return {};
  }
  bool verified = false;
  for (std::size_t view = 0; view < views_.size(); ++view) {
    if (views_[view].mount.id != folded.volume) continue;
    auto path = directories.Path(view, parent);
    if (!path.has_value()) continue;
    if (path->hidden) {
      if (!told) TellHiddenLink(static_cast<std::uint32_t>(view), path->path);
      continue;
    }
    CJ_ASSIGN_OR_RETURN(NameState now, SeeElsewhere(directories, view, path->path, name));
    if (!now.exists || now.object.encoded != folded.handle) continue;
    verified = true;
    if (told) continue;
    Change change;
    change.kind = ChangeKind::kModified;
    change.type = TypeOf(now.mode);
    change.path = JoinPath(path->path, name);
    change.data = (folded.classes & kDataClass) != 0;
    // A further name, or a renamed one, changes the group of links that this name belongs to.
    change.metadata = (folded.classes & kMetadataClass) != 0 || !change.data;
    change.maybe = (folded.classes & kMaybeClass) != 0 && !change.metadata;
    if (Covers(views_[view], change.path)) Tell(static_cast<std::uint32_t>(view), change);
  }
  if (verified) ++linked_[object].verified;
  return {};
}

// Another name of a changed file, where nobody can look now.
void Answer::TellHiddenLink(std::uint32_t view, const std::string& directory) {
  if (!Covers(views_[view], directory) || !hidden_.emplace(directory, view).second) return;
  rescan_reason_ = "another name of a changed file is in " + directory + ", which is mounted over";
  rescans_.emplace_back(RescanOf(directory), view);  // told below: the first ones have been
  Tell(view, RescanOf(directory));
}

// Walks the watched trees of the volumes concerned, once, and stores every name of a file with
// several of them, and of the files asked for.
Status Answer::LearnLinks(Directories& directories, const std::vector<ObjectIndex>& missing) {
  std::unordered_set<ObjectIndex> wanted(missing.begin(), missing.end());
  std::unordered_set<std::uint32_t> volumes;
  for (ObjectIndex object : missing) volumes.insert(fold_.objects()[object].volume.value);
  for (std::uint32_t view = 0; view < views_.size(); ++view) {
    if (volumes.count(views_[view].mount.id.value) == 0) continue;
    for (const Watch& watch : views_[view].watches) {
      CJ_RETURN_IF_ERROR(LearnBelow(directories, view, watch.volume.path, wanted));
    }
  }
  return {};
}

Status Answer::LearnBelow(Directories& directories, std::uint32_t view, const std::string& root,
                          const std::unordered_set<ObjectIndex>& wanted) {
  TreeWalk walk(root);
  VolumeId volume = views_[view].mount.id;
  std::vector<LinkName> found;
  for (;;) {
    CJ_RETURN_IF_ERROR(Cancelled());
    std::vector<TreeWalk::Member> members;
    CJ_ASSIGN_OR_RETURN(bool more, walk.NextDirectory(&members));
    if (!more) break;
    FileHandle parent;
    for (const TreeWalk::Member& member : members) {
      if (S_ISDIR(member.status.st_mode)) continue;
      const PathParts parts = SplitPath(member.path);
      const std::string directory(parts.directory);
      const std::string name(parts.name);
      auto looked = SeeElsewhere(directories, view, directory, name);
      if (!looked.has_value() && looked.error().errno_value == EXDEV) break;  // another mount's
      CJ_ASSIGN_OR_RETURN(NameState now, std::move(looked));
      if (!now.exists || now.object.empty()) continue;
      bool asked = wanted.count(fold_.FindObject(volume, now.object)) != 0;
      if (now.link_count < 2 && !asked) continue;
      if (parent.empty()) {
        auto handle = directories.HandleOf(directory);
        if (!handle.has_value()) break;
        parent = std::move(handle).value();
      }
      found.push_back({volume, now.object, parent, name});
    }
    if (found.size() >= kLinkBatch) {
      CJ_RETURN_IF_ERROR(environment_.store->AddLinkNames(found));
      found.clear();
    }
  }
  return found.empty() ? Status() : environment_.store->AddLinkNames(found);
}

}  // namespace cj
