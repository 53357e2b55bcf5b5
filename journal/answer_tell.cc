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

}  // namespace

// One name, or the end of one directory, or what comes next.
Status Answer::TellPlaces(Directories& directories, std::size_t max) {
  if (groups_.empty() && TellGoneTree()) return {};
  if (groups_.empty() ||
      (groups_.front().steps.empty() && groups_.front().next < groups_.front().names.size())) {
    LookAhead(directories, max);
    return {};
  }
  Group& group = groups_.front();
  if (!group.steps.empty()) {
    Step step = std::move(group.steps.front());
    group.steps.pop_front();
    return TellName(std::move(step));
  }
  TellSelf(group);
  groups_.pop_front();
  return {};
}

void Answer::NoteHeld(NameIndex index) {
  const FoldedName& name = fold_.names()[index];
  if (name.object_after != kNone && name.after != Existence::kAbsent) {
    held_[name.object_after] = true;
  }
}

// rm -r of a tree: its top directory, which was told before, tells of all of it.
bool Answer::TellGoneTree() {
  const std::size_t begin = next_place_;
  const std::size_t end = GroupEnd(begin);
  if (request_.expand || !EndsDead(end) || !SubtreeIsGone(places_[begin].path)) return false;
  for (std::size_t i = begin; i < end; ++i) {
    for (NameIndex name : fold_.directories()[places_[i].directory].names) {
      TellLostRename(places_[begin].view, name, kNone);
      NoteHeld(name);
    }
  }
  next_place_ = end;
  return true;
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

Result<Situation> Answer::SituationOf(Step& step) const {
  Situation situation;
  situation.facts = step.merged.facts;
  // Too long a path for any system call, ours or the reader's: the records have to do.
  if (!step.seen.has_value() && step.seen.error().code == ErrorCode::kLimit) {
    NameState unknown;
    unknown.exists = step.merged.facts.after != Existence::kAbsent;
    unknown.mode = step.merged.facts.directory_after ? S_IFDIR : S_IFREG;
    step.seen = unknown;
  }
  CJ_ASSIGN_OR_RETURN(NameState now, std::move(step.seen));
  situation.now = StateAtEnd(step.merged.facts, std::move(now));
  situation.exists = situation.now.exists;
  if (!situation.exists) return situation;
  // Mostly the one that is expected, which then need not be searched for.
  const ObjectIndex expected = Expected(step);
  const FileHandle& object = situation.now.object;
  const bool is_expected = expected != kNone && fold_.objects()[expected].handle == object.encoded;
  situation.object_index =
      is_expected ? expected : fold_.FindObject(views_[places_[step.place].view].mount.id, object);
  return situation;
}

Status Answer::TellName(Step step) {
  const Place& place = places_[step.place];
  const View& view = views_[place.view];
  const PathFacts& merged = step.merged;
  CJ_ASSIGN_OR_RETURN(Situation situation, SituationOf(step));
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
  for (NameIndex index : merged.names) {
    TellLostRename(place.view, index, object);
    NoteHeld(index);
  }
  situation.subvolume =
      S_ISDIR(now.mode) && now.inode == kBtrfsSubvolumeInode && view.mount.identity.type == "btrfs";
  if (object != kNone && !S_ISDIR(now.mode)) {
    // What the records alone say of an interval that is over shows nothing of other names.
    if (now.link_count != 0) seen_[object] = true;
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
  if (change->kind == ChangeKind::kDeleted && change->recursive) gone_trees_.insert(step.path);
  if (Exists(change->kind) && change->type == FileType::kDirectory) {
    told_directories_.insert(step.path);
  }
  const bool says_more = change->kind == ChangeKind::kRenamed || change->recursive;
  if (!says_more && WasListed(merged)) return {};
  change->path = std::move(step.path);
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
void Answer::TellSelf(const Group& group) {
  bool changed = false;
  for (std::size_t i = group.begin; i < group.end; ++i) {
    const FoldedDirectory& directory = fold_.directories()[places_[i].directory];
    changed |= !places_[i].dead && (directory.entries_changed || directory.self_metadata);
  }
  const Place& place = places_[group.begin];
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
  if (environment_.viewer != nullptr) {
    TellVisible(view, std::move(change));
  } else {
    TellShown(view, std::move(change));
  }
}

void Answer::NoteMoved(std::uint32_t view, const Change& change) {
  // Beside a tree that is scanned as a whole there are no other names.
  const std::vector<Watch>& watches = views_[view].watches;
  const bool all =
      views_.size() == 1 && watches.size() == 1 && change.path == watches.front().volume.path;
  if (change.recursive && Exists(change.kind) && !all) {
    moved_trees_.push_back({change.path, view});
  }
}

void Answer::TellShown(std::uint32_t view, Change change) {
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
  NoteMoved(view, change);
  ++count_;
  out_bytes_ += change.path.size() + change.from.size();
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

// Of what a viewer may not list nothing would be told.
TreeWalk::Enter Answer::Entered() const {
  if (environment_.viewer == nullptr) return {};
  return [this](const std::string& directory) {
    const Viewer::Sight sight = environment_.viewer->Look(directory);
    return sight.searchable;
  };
}

// One directory of the tree below a recursive entry.
Status Answer::TellExpansion() {
  if (walk_ == nullptr) {
    walk_entry_ = std::move(to_expand_.front().first);
    walk_view_ = to_expand_.front().second;
    to_expand_.pop_front();
    walk_ = std::make_unique<TreeWalk>(walk_entry_.path, Entered());
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
