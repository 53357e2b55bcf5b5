// The part of Answer that turns places and their names into changes.
#include <sys/stat.h>

#include <algorithm>

#include "base/text.h"
#include "journal/answer.h"
#include "journal/path_order.h"

namespace cj {
namespace {

// A btrfs subvolume's root directory always has this inode number.
constexpr std::uint64_t kBtrfsSubvolumeInode = 256;

std::uint8_t ClassesTold(const Change& change) {
  std::uint8_t classes = 0;
  if (change.kind != ChangeKind::kModified) classes |= kEntryClass;
  if (change.data) classes |= kDataClass;
  if (change.metadata) classes |= kMetadataClass;
  // What is below a recursive entry may have changed in any way.
  if (change.recursive) classes |= kEntryClass | kDataClass | kMetadataClass;
  return classes;
}

bool Exists(ChangeKind kind) { return kind != ChangeKind::kDeleted; }

}  // namespace

void Answer::BeginGroup() {
  group_end_ = group_begin_ + 1;
  const Place& first = places_[group_begin_];
  while (group_end_ < places_.size() && places_[group_end_].path == first.path &&
         places_[group_end_].view == first.view) {
    ++group_end_;
  }
  group_names_.clear();
  next_name_ = 0;
  bool all_dead = places_[group_end_ - 1].dead;
  // rm -r of a tree: its top directory tells of all of it.
  if (all_dead && !request_.expand && SubtreeIsGone(first.path)) {
    for (std::size_t i = group_begin_; i < group_end_; ++i) {
      for (NameIndex name : fold_.directories()[places_[i].directory].names) {
        TellLostRename(first.view, name, kNone);
      }
    }
    return;
  }
  for (std::size_t i = group_begin_; i < group_end_; ++i) {
    const FoldedDirectory& directory = fold_.directories()[places_[i].directory];
    group_names_.insert(group_names_.end(), directory.names.begin(), directory.names.end());
  }
  // Stable: of equal names those of the dead directory stay first.
  std::stable_sort(group_names_.begin(), group_names_.end(), [&](NameIndex a, NameIndex b) {
    return fold_.names()[a].name < fold_.names()[b].name;
  });
}

Status Answer::StepGroup(Directories& directories) {
  const FoldedName& first = fold_.names()[group_names_[next_name_]];
  PathFacts merged;
  merged.facts = FactsOf(first);
  merged.names.push_back(group_names_[next_name_++]);
  while (next_name_ < group_names_.size() &&
         fold_.names()[group_names_[next_name_]].name == first.name) {
    Merge(&merged.facts, fold_.names()[group_names_[next_name_]]);
    merged.names.push_back(group_names_[next_name_++]);
  }
  return TellName(directories, places_[group_begin_], first.name, merged);
}

bool Answer::SubtreeIsGone(const std::string& path) const {
  for (std::size_t end = path.size(); end != std::string::npos && end > 0;
       end = path.rfind('/', end - 1)) {
    if (gone_trees_.count(path.substr(0, end)) != 0) return true;
  }
  return false;
}

const Answer::Place* Answer::PlaceOf(NameIndex name, std::uint32_t view) const {
  for (std::uint32_t place : place_of_[fold_.names()[name].directory]) {
    if (places_[place].view == view) return &places_[place];
  }
  return nullptr;
}

std::string Answer::PathOf(NameIndex name, std::uint32_t view) const {
  const Place* place = PlaceOf(name, view);
  return place == nullptr ? std::string() : JoinPath(place->path, fold_.names()[name].name);
}

// A rename is told as one line where both ends are under a watch; else each end is told for itself.
bool Answer::RenameIsTold(ObjectIndex object, std::uint32_t view) const {
  if (object == kNone || present_name_[object] == kNone) return false;
  std::string from = PathOf(fold_.objects()[object].name_before, view);
  std::string to = PathOf(present_name_[object], view);
  return !from.empty() && !to.empty() && from != to && Covers(views_[view], from) &&
         Covers(views_[view], to);
}

// The tree tells where the interval ends now; of an older interval the records do, as far as their
// order can be trusted, and the tree fills in the type.
NameState Answer::StateAtEnd(const NameFacts& facts, NameState now) const {
  if (request_.until_now ||
      ((facts.classes & kEntryClass) != 0 && facts.after == Existence::kUnknown)) {
    return now;
  }
  NameState state;
  state.exists = facts.after != Existence::kAbsent;
  if (!state.exists) return state;
  if (facts.object_after != kNone) {
    state.object.encoded = std::string(fold_.objects()[facts.object_after].handle);
  }
  if (now.exists && now.object == state.object) return now;
  state.mode = facts.directory_after ? S_IFDIR : S_IFREG;
  return state;
}

// Out and in again, by renames, by links, or in a directory that was moved out and in. Of an
// interval that is over nobody knows any more where the directories were. Or changed in a gap, and
// renamed while a crawl walked, from where that had not been yet to where it had.
bool Answer::MayHaveChangedUnseen(const FoldedObject& object) const {
  if (has_gaps_ || object.linked || object.unlinked || object.moved_again) return true;
  return object.moved && (!request_.until_now || !fold_.moves().empty());
}

Status Answer::SeeName(Directories& directories, const Place& place, const std::string& name,
                       const PathFacts& merged, Situation* situation) {
  situation->facts = merged.facts;
  // Whoever has its inode number by now came after its death, and to this name by a record behind
  // it: of this interval, where it would be the last of the name, or of the next one. The dead have
  // no other names, so that nothing is missed.
  const ObjectIndex expected = merged.facts.object_after;
  HandleView handle;
  if (expected != kNone) handle = ViewOfEncoded(fold_.objects()[expected].handle);
  auto looked = directories.Glance(place.view, place.path, name, handle);
  // Too long a path for any system call, ours or the reader's: the records have to do.
  if (!looked.has_value() && looked.error().code == ErrorCode::kLimit) {
    NameState unknown;
    unknown.exists = merged.facts.after != Existence::kAbsent;
    unknown.mode = merged.facts.directory_after ? S_IFDIR : S_IFREG;
    looked = unknown;
  }
  CJ_ASSIGN_OR_RETURN(NameState now, std::move(looked));
  situation->now = StateAtEnd(merged.facts, std::move(now));
  situation->exists = situation->now.exists;
  if (situation->exists) {
    // Mostly the one that is expected, which then need not be searched for.
    const FileHandle& object = situation->now.object;
    situation->object_index = !handle.empty() && object.view() == handle
                                  ? expected
                                  : fold_.FindObject(views_[place.view].mount.id, object);
  }
  return {};
}

Status Answer::TellName(Directories& directories, const Place& place, std::string_view name,
                        const PathFacts& merged) {
  const View& view = views_[place.view];
  std::string path = JoinPath(place.path, name);
  if (!Covers(view, path)) return {};  // other names of its object: FindUnseen
  Situation situation;
  CJ_RETURN_IF_ERROR(SeeName(directories, place, std::string(name), merged, &situation));
  const NameState& now = situation.now;
  ObjectIndex object = situation.object_index;
  if (object != kNone) situation.object = &fold_.objects()[object];
  auto is_here = [&](NameIndex index) {
    return std::find(merged.names.begin(), merged.names.end(), index) != merged.names.end();
  };
  situation.renamed_here =
      object != kNone && is_here(present_name_[object]) && RenameIsTold(object, place.view);
  situation.may_have_changed_unseen =
      object != kNone && (situation.renamed_here ? MayHaveChangedUnseen(*situation.object)
                                                 : has_gaps_ && situation.object->renamed);
  // Of an object with several names the rename is told of one; the others have just gone.
  const ObjectIndex before = merged.facts.object_before;
  situation.renamed_away = before != kNone && is_here(fold_.objects()[before].name_before) &&
                           RenameIsTold(before, place.view);
  for (NameIndex index : merged.names) TellLostRename(place.view, index, object);
  situation.subvolume =
      S_ISDIR(now.mode) && now.inode == kBtrfsSubvolumeInode && view.mount.identity.type == "btrfs";
  if (object != kNone && !S_ISDIR(now.mode)) {
    seen_[object] = true;
    bool changed =
        situation.object->classes != 0 || situation.object->renamed || situation.object->linked;
    if (changed && now.link_count > 1) {
      Links& links = linked_[object];
      links.count = now.link_count;
      if (&places_[place_of_[place.directory].front()] == &place) ++links.verified;
    }
  }
  std::optional<Change> change = Classify(situation);
  if (!change.has_value()) return {};
  if (change->kind == ChangeKind::kRenamed) {
    change->from = PathOf(situation.object->name_before, place.view);
  }
  if (change->kind == ChangeKind::kDeleted && change->recursive) gone_trees_.insert(path);
  if (Exists(change->kind) && change->type == FileType::kDirectory) told_directories_.insert(path);
  change->path = std::move(path);
  Tell(place.view, std::move(*change));
  return {};
}

// An object that was here when the answer was begun, and is not any more, cannot be told as renamed
// to here; its former name relies on that and must be told for itself.
void Answer::TellLostRename(std::uint32_t view, NameIndex name, ObjectIndex found) {
  ObjectIndex expected = fold_.names()[name].object_after;
  if (expected == kNone || expected == found || present_name_[expected] != name ||
      !RenameIsTold(expected, view)) {
    return;
  }
  const FoldedObject& object = fold_.objects()[expected];
  Change change;
  change.kind = ChangeKind::kDeleted;
  change.type = object.is_directory ? FileType::kDirectory : FileType::kFile;
  change.path = PathOf(object.name_before, view);
  change.recursive = object.is_directory;
  Tell(view, std::move(change));
}

// A directory's modification time changes with its entries.
void Answer::TellSelf() {
  bool changed = false;
  for (std::size_t i = group_begin_; i < group_end_; ++i) {
    const FoldedDirectory& directory = fold_.directories()[places_[i].directory];
    changed |= !places_[i].dead && (directory.entries_changed || directory.self_metadata);
  }
  const Place& place = places_[group_begin_];
  if (!changed || !Covers(views_[place.view], place.path) ||
      told_directories_.count(place.path) != 0) {
    return;
  }
  Change change;
  change.kind = ChangeKind::kModified;
  change.type = FileType::kDirectory;
  change.path = place.path;
  change.metadata = true;
  Tell(place.view, std::move(change));
}

bool Answer::Wanted(const View& view, const Change& change) const {
  // What may be below a `rescan` is of every kind, and may be gone.
  if (change.kind != ChangeKind::kRescan) {
    if (request_.classes != 0 && (request_.classes & ClassesTold(change)) == 0) return false;
    if (request_.presence == Presence::kExisting && !Exists(change.kind)) return false;
    if (request_.presence == Presence::kDeleted && Exists(change.kind)) return false;
  }
  if (request_.paths.empty()) return true;
  auto touches = [&](const std::string& asked, const std::string& path) {
    return PathContains(asked, path) || (change.recursive && PathContains(path, asked));
  };
  (void)view;
  return std::any_of(request_.paths.begin(), request_.paths.end(), [&](const std::string& asked) {
    return touches(asked, change.path) || (!change.from.empty() && touches(asked, change.from));
  });
}

void Answer::Tell(std::uint32_t view, Change change) {
  if (request_.presence == Presence::kDeleted && change.kind == ChangeKind::kRenamed) {
    change.kind = ChangeKind::kDeleted;
    change.path = std::move(change.from);
    change.from.clear();
    change.recursive = change.type == FileType::kDirectory;  // the flag may speak of the new name
  }
  if (!Wanted(views_[view], change)) return;
  if (request_.expand && change.recursive && Exists(change.kind)) {
    to_expand_.emplace_back(change, view);
  }
  // Beside a tree that is scanned as a whole there are no other names.
  const std::vector<Watch>& watches = views_[view].watches;
  const bool all =
      views_.size() == 1 && watches.size() == 1 && change.path == watches.front().volume.path;
  if (change.recursive && Exists(change.kind) && !all) {
    moved_trees_.push_back({change.path, view});
  }
  ++count_;
  out_->push_back(std::move(change));
}

// True when the records name this path themselves, so that it gets a line of its own.
bool Answer::NamedByRecords(const std::string& path) const {
  const auto [parent, name] = SplitPath(path);
  auto place = std::lower_bound(
      places_.begin(), places_.end(), parent, [&](const Place& a, std::string_view wanted) {
        return a.view != walk_view_ ? a.view < walk_view_ : PathLess(a.path, wanted);
      });
  for (; place != places_.end() && place->view == walk_view_ && place->path == parent; ++place) {
    NameIndex index = fold_.FindName(place->directory, name);
    if (index == kNone) continue;
    std::uint8_t classes = fold_.names()[index].classes;
    if (classes == 0) continue;  // opened for writing, and nothing came of it
    if (request_.classes == 0 || (classes & request_.classes) != 0) return true;
  }
  return false;
}

// One directory of the tree below a recursive entry.
Status Answer::TellExpansion() {
  if (walk_ == nullptr) {
    walk_entry_ = std::move(to_expand_.front().first);
    walk_view_ = to_expand_.front().second;
    to_expand_.pop_front();
    walk_ = std::make_unique<TreeWalk>(walk_entry_.path);
  }
  std::vector<TreeWalk::Member> members;
  CJ_ASSIGN_OR_RETURN(bool more, walk_->NextDirectory(&members));
  if (!more) {
    walk_.reset();
    return {};
  }
  for (TreeWalk::Member& member : members) {
    if (!Covers(views_[walk_view_], member.path) || NamedByRecords(member.path)) continue;
    Change change;
    change.kind = walk_entry_.kind;
    change.type = TypeOf(member.status.st_mode);
    change.data = walk_entry_.kind == ChangeKind::kModified;
    change.metadata = change.data;
    if (change.kind == ChangeKind::kRenamed) {
      change.from = walk_entry_.from + member.path.substr(walk_entry_.path.size());
    }
    change.path = std::move(member.path);
    Tell(walk_view_, std::move(change));
  }
  return {};
}

}  // namespace cj
