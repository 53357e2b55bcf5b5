// The part of Answer that makes up for what happened while it was made. The former members of a
// renamed directory are those found in it (answer_former.cc), and the tree does not stand still: a
// member that goes after the interval and before the walk reaches it is in neither the interval's
// records nor the tree. The records behind the interval, the tail, name it.
#include "base/text.h"
#include "journal/answer.h"

namespace cj {
namespace {

// How many records are scanned between two looks at `cancelled`.
constexpr std::uint64_t kCancelInterval = 4096;

bool OnOneBranch(const std::string& a, const std::string& b) {
  return PathContains(a, b) || PathContains(b, a);
}

}  // namespace

Status Answer::FindTail(Directories& directories) {
  if (environment_.flush) CJ_RETURN_IF_ERROR(environment_.flush());
  Fold tail(environment_.limits.max_names);
  Status scanned = ScanTail(&tail);
  if (!scanned.has_value() && scanned.error().code == ErrorCode::kLimit) {
    RefuseList(former_.front().before, "changed too much since: " + scanned.error().message);
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
    if ((name.classes & kEntryClass) == 0 || paths[name.directory].empty()) continue;
    const std::string path = JoinPath(paths[name.directory], name.name);
    for (std::uint32_t i = 0; i < former_.size(); ++i) {
      const FormerTree& tree = former_[i];
      if (tree.view != view || path == tree.now || !PathContains(tree.now, path)) continue;
      tail_.push_back({i, name.directory_left || name.directory_before, path});
    }
  }
}

void Answer::TellTailMember() {
  const TailMember member = std::move(tail_.front());
  tail_.pop_front();
  TellFormer(former_[member.tree], member.path, member.directory);
}

// All records behind the last one of the interval. A gap among them leaves no list.
Status Answer::ScanTail(Fold* tail) {
  const std::vector<PeriodInfo> periods = environment_.store->Periods();
  for (const PeriodInfo& period : periods) {
    if (period.id < last_scanned_period_ || period.gaps.empty()) continue;
    RefuseList(former_.front().before,
               "may have changed since, unseen: " + period.gaps.front().cause);
  }
  ScanRange range;
  range.from = last_scanned_period_;
  range.until = periods.back().id.Next();
  range.after = last_scanned_;
  CJ_ASSIGN_OR_RETURN(auto cursor, environment_.store->Scan(range));
  Record record;
  for (;;) {
    CJ_ASSIGN_OR_RETURN(bool more, cursor->Next(&record));
    if (!more) return {};
    CJ_RETURN_IF_ERROR(tail->Add(record));
    if (tail->records() % kCancelInterval == 0) CJ_RETURN_IF_ERROR(Cancelled());
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
      const FoldedName& name = tail.names()[end];
      if (paths[name.directory].empty()) continue;
      const std::string path = JoinPath(paths[name.directory], name.name);
      for (const FormerTree& tree : former_) {
        if (tree.view != view || !OnOneBranch(tree.now, path)) continue;
        RefuseList(tree.before, "or one below it was renamed while the list was made");
        return true;
      }
    }
  }
  return false;
}

}  // namespace cj
