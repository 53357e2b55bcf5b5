// The part of Answer that makes up for what happened while it was made: the tree does not stand
// still, and the records behind the interval, the tail, say how it moved.
//
// Directories are looked for when the interval has ended. One that was renamed in between is found
// at its new path, and what went from it in the interval is told there. Its former path is told by
// the next answer, which has the rename in its interval, with all that was below it; but a list of
// single paths names there only what is in the directory still or what *its* records name. So this
// answer tells the former path itself (FindOvertaken).
//
// The former members of a renamed directory are those found in it (answer_former.cc): a member that
// goes after the interval and before the walk reaches it is in neither the interval's records nor
// the tree. The tail names it (FindTail).
#include <algorithm>

#include "base/text.h"
#include "journal/answer.h"
#include "journal/path_order.h"

namespace cj {
namespace {

// How many records are scanned between two looks at `cancelled`.
constexpr std::uint64_t kCancelInterval = 4096;
// How often the tail is read until no directory was renamed between two looks.
constexpr int kTailAttempts = 3;

bool IsDirectoryMove(const Record& record) {
  return (record.operations & kRenamed) != 0 && (record.operations & kDirectory) != 0;
}

bool AnyRecord(const Record&) { return true; }

bool OnOneBranch(const std::string& a, const std::string& b) {
  return PathContains(a, b) || PathContains(b, a);
}

// Where a name of the tail is, given the paths of its directories; empty: nowhere.
std::string PathNow(const FoldedName& name, const std::vector<std::string>& paths) {
  const std::string& directory = paths[name.directory];
  return directory.empty() ? std::string() : JoinPath(directory, name.name);
}

}  // namespace

// The root of the outermost watch that the path is below; empty when it is below none. Such a root,
// and what is above it, keep their paths, or the next answer is a `rescan`.
std::string_view Answer::RootAbove(std::uint32_t view, const std::string& path) const {
  std::string_view root;
  for (const Watch& watch : views_[view].watches) {
    const std::string& each = watch.volume.path;
    if (PathIsBelow(each, path) && (root.empty() || each.size() < root.size())) root = each;
  }
  return root;
}

bool Answer::IsAskedFor(const std::string& path) const {
  return request_.paths.empty() ||
         std::any_of(request_.paths.begin(), request_.paths.end(),
                     [&](const std::string& asked) { return OnOneBranch(asked, path); });
}

// Waits for the renames that may have brought a changed directory to where it was found, and keeps
// those directories: the others need no former name. Places are sorted, members behind their
// directory: what is above the one before has been waited for.
Status Answer::AwaitRenames(Directories& directories) {
  std::uint32_t before = kNone;
  for (std::uint32_t i = 0; i < places_.size(); ++i) {
    const Place& place = places_[i];
    if (!fold_.directories()[place.directory].entries_changed) continue;
    const std::string_view root = RootAbove(place.view, place.path);
    if (root.empty()) continue;
    const bool alone = before == kNone || places_[before].view != place.view;
    for (std::string above = place.path; above != root;) {
      above = SplitPath(above).directory;
      if (!alone && PathIsBelow(above, places_[before].path)) break;
      directories.AwaitRenames(place.view, above);
    }
    movable_.push_back(i);
    before = i;
    CJ_RETURN_IF_ERROR(Cancelled());
  }
  return {};
}

// Of an answer to an older interval only lists need it: `recursive` in the next one tells it all.
Status Answer::FindOvertaken(Directories& directories) {
  const bool refused = request_.list && request_.expand && !unlistable_.empty();
  const bool needed = request_.until_now || request_.expand;
  if (rescan_all_ || refused || !needed) return {};
  CJ_RETURN_IF_ERROR(AwaitRenames(directories));
  if (movable_.empty()) return {};
  ScanPosition position = interval_end_;
  Fold tail(environment_.limits.max_names);
  // What is looked at must not move between the scan and the look.
  for (int attempt = 0; attempt < kTailAttempts; ++attempt) {
    if (environment_.drain) CJ_RETURN_IF_ERROR(environment_.drain());
    const std::size_t seen = tail.moves().size();
    Status scanned = ScanTail(IsDirectoryMove, &position, &tail);
    if (!scanned.has_value() && scanned.error().code == ErrorCode::kLimit) {
      RescanAll("directories may have been renamed since: " + scanned.error().message);
      return {};
    }
    CJ_RETURN_IF_ERROR(std::move(scanned));
    if (tail.moves().size() == seen) return {};
    const bool last = attempt == kTailAttempts - 1;
    CJ_ASSIGN_OR_RETURN(const bool told, TellIfMoved(directories, tail, last));
    if (told && request_.expand) return {};  // there will be no list
  }
  return {};
}

// `surely`: also where nothing shows that a place has moved.
Result<bool> Answer::TellIfMoved(Directories& directories, const Fold& tail, bool surely) {
  bool told = false;
  for (std::uint32_t view = 0; view < views_.size(); ++view) {
    CJ_ASSIGN_OR_RETURN(auto paths, TailPaths(directories, tail, view));
    if (!surely && !MovesAPlace(tail, view, paths)) continue;
    TellFormerNames(tail, view, paths);
    told = true;
  }
  return told;
}

// If a directory on a place's path has been moved since the interval ended, to that path before it
// was found or away from it after, take the topmost one: its parent was not moved, so that the end
// of its move that lies on the path has that very path now.
bool Answer::MovesAPlace(const Fold& tail, std::uint32_t view,
                         const std::vector<std::string>& paths) const {
  for (const DirectoryMove& move : tail.moves()) {
    for (NameIndex end : {move.from, move.to}) {
      const std::string path = PathNow(tail.names()[end], paths);
      if (!path.empty() && IsOnAPlacesPath(view, path)) return true;
    }
  }
  return false;
}

bool Answer::IsOnAPlacesPath(std::uint32_t view, const std::string& path) const {
  const auto found = std::lower_bound(
      movable_.begin(), movable_.end(), path, [&](std::uint32_t index, const std::string& wanted) {
        const Place& place = places_[index];
        return place.view != view ? place.view < view : PathLess(place.path, wanted);
      });
  return found != movable_.end() && places_[*found].view == view &&
         PathContains(path, places_[*found].path);
}

// On the path that a place had when the interval ended, the topmost directory that was moved since
// is one of these, and again its parent is where it was. Which one it is nobody can tell when
// directories were moved within directories that were moved: all of them are told. A list is made
// anew instead.
void Answer::TellFormerNames(const Fold& tail, std::uint32_t view,
                             const std::vector<std::string>& paths) {
  for (const DirectoryMove& move : tail.moves()) {
    const std::string path = PathNow(tail.names()[move.from], paths);
    if (path.empty()) continue;
    // Where an arrival is may have changed since it was looked for: then no rename is of no
    // concern.
    const bool concerns = IsAskedFor(path) || (request_.expand && !arrivals_.empty());
    if (!concerns || !Covers(views_[view], path)) continue;
    if (request_.expand) {
      RefuseThisList(path, request_.until_now ? "was renamed while the list was made"
                                              : "has been renamed since the interval ended");
    }
    if (!former_told_.emplace(view, path).second) continue;
    Change change = ChangeAt(path, true);
    change.recursive = true;
    change.transient = true;
    ahead_.emplace_back(std::move(change), view);
  }
}

Status Answer::FindTail(Directories& directories) {
  if (environment_.drain) CJ_RETURN_IF_ERROR(environment_.drain());
  Fold tail(environment_.limits.max_names);
  RefuseBeyondGaps();
  ScanPosition position = interval_end_;
  Status scanned = ScanTail(AnyRecord, &position, &tail);
  if (!scanned.has_value() && scanned.error().code == ErrorCode::kLimit) {
    RefuseThisList(former_.front().before, "changed too much since: " + scanned.error().message);
    return {};
  }
  CJ_RETURN_IF_ERROR(std::move(scanned));
  for (std::uint32_t view = 0; view < views_.size(); ++view) {
    CJ_ASSIGN_OR_RETURN(auto paths, TailPaths(directories, tail, view));
    if (TailMovedFormerTree(tail, view, paths)) return {};
    FindTailMembers(tail, view, paths);
  }
  return {};
}

void Answer::FindTailMembers(const Fold& tail, std::uint32_t view,
                             const std::vector<std::string>& paths) {
  for (const FoldedName& name : tail.names()) {
    const std::string path = PathNow(name, paths);
    if ((name.classes & kEntryClass) == 0 || path.empty()) continue;
    for (std::uint32_t i = 0; i < former_.size(); ++i) {
      const FormerTree& tree = former_[i];
      if (tree.view != view || !PathIsBelow(tree.now, path)) continue;
      tail_.push_back({i, name.directory_left || name.directory_before, path});
    }
  }
}

void Answer::TellTailMember() {
  const TailMember member = std::move(tail_.front());
  tail_.pop_front();
  TellFormer(former_[member.tree], member.path, member.directory);
}

// A gap behind the interval leaves no list.
void Answer::RefuseBeyondGaps() {
  for (const PeriodInfo& period :
       environment_.store->PeriodsWithGaps(interval_end_.period, kNoPeriod)) {
    RefuseThisList(former_.front().before,
                   "may have changed since, unseen: " + period.gaps.front().cause);
  }
}

// Those of the records behind `from` that are wanted.
Status Answer::ScanTail(bool (*wanted)(const Record&), ScanPosition* from, Fold* tail) {
  ScanRange range;
  range.from = from->period;
  range.until = environment_.store->OpenPeriod().id.Next();
  range.after = from->sequence;
  CJ_ASSIGN_OR_RETURN(auto cursor, ScanInterval(range));
  Record record;
  for (std::uint64_t scanned = 0;; ++scanned) {
    if (scanned % kCancelInterval == 0) CJ_RETURN_IF_ERROR(Cancelled());
    CJ_ASSIGN_OR_RETURN(bool more, cursor->Next(&record));
    if (!more) return {};
    *from = {record.period, record.sequence};
    if (wanted(record)) CJ_RETURN_IF_ERROR(tail->Add(record));
  }
}

// Where the directories of the tail are in this view, or were when they died; empty: nowhere.
Result<std::vector<std::string>> Answer::TailPaths(Directories& directories, const Fold& tail,
                                                   std::uint32_t view) {
  PathResolver resolver(*environment_.store, directories);
  std::vector<std::string> paths(tail.directories().size());
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const FoldedDirectory& directory = tail.directories()[i];
    if (views_[view].mount.id != directory.volume) continue;
    auto resolved =
        resolver.Resolve(view, directory.volume, FileHandle::FromEncoded(directory.handle));
    if (!resolved.has_value() && resolved.error().code == ErrorCode::kLimit) continue;
    CJ_ASSIGN_OR_RETURN(auto outcome, std::move(resolved));
    if (outcome.path.has_value()) paths[i] = std::move(outcome.path->path);
  }
  return paths;
}

// The members of a directory that moves are named by no record. If any move of the tail took away
// or brought a directory on or below the path of a former tree, then one of them shows it with the
// present path of its parent:
//  - Of the directories on the tree's path take the topmost that moved. Its parent did not, so that
//    its moves from or to its place on the path have that very path.
//  - If none of them moved, take the last move of a directory below the tree. Whatever is above its
//    former place has not moved since, so that its `from` is below the tree's path.
// A parent that is nowhere now was replaced by the rename of another directory: that move tells.
bool Answer::TailMovedFormerTree(const Fold& tail, std::uint32_t view,
                                 const std::vector<std::string>& paths) {
  for (const DirectoryMove& move : tail.moves()) {
    for (NameIndex end : {move.from, move.to}) {
      const std::string path = PathNow(tail.names()[end], paths);
      if (path.empty()) continue;
      for (const FormerTree& tree : former_) {
        if (tree.view != view || !OnOneBranch(tree.now, path)) continue;
        RefuseThisList(tree.before, "or one below it was renamed while the list was made");
        return true;
      }
    }
  }
  return false;
}

}  // namespace cj
