// The part of Answer that lists what renamed directories held under their former paths. An entry
// marked recursive says "and everything below" of the old path, too; a list of single paths has to
// name every member, those that are gone included: whoever copies by that list may find another
// directory at the old path by now, and would keep what the former one held.
//
// The members that a directory had at its former path are those that are in it now and those that
// records name in it. Where the directory left every watch, nobody recorded what went: then no list
// is complete, and only `recursive` tells the truth.
#include <sys/stat.h>

#include <algorithm>

#include "base/text.h"
#include "journal/answer.h"
#include "journal/path_order.h"

namespace cj {
namespace {

// Each former path of each renamed directory costs a walk over it. Beyond, no list is made.
constexpr std::size_t kMaxFormerTrees = 1'000;
// How many renames are looked at between two looks at `cancelled`.
constexpr std::size_t kCancelInterval = 1'024;
// Each finds directories that came in one more level of others that did.
constexpr int kMaxArrivalPasses = 16;

}  // namespace

void Answer::RefuseList(const std::string& path, const std::string& why) {
  if (!unlistable_.empty()) return;
  unlistable_ = "what was in " + path + " cannot be listed by name: the directory " + why;
}

// The next one from the same beginning has in its interval what stands against this one.
void Answer::RefuseThisList(const std::string& path, const std::string& why) {
  overtaken_ |= unlistable_.empty();
  RefuseList(path, why);
}

Status Answer::FindFormerTrees(Directories& directories) {
  if (!request_.expand || places_.empty()) return {};
  CJ_RETURN_IF_ERROR(FindArrivals(directories));
  for (std::size_t move = 0; move < fold_.moves().size(); ++move) {
    for (std::uint32_t view = 0; view < views_.size(); ++view) {
      std::string before = PathOf(fold_.moves()[move].from, view);
      if (before.empty() || !Covers(views_[view], before)) continue;
      if (!unlistable_.empty()) return {};
      CJ_RETURN_IF_ERROR(AddFormerTree(directories, move, view, before));
    }
    if (move % kCancelInterval == 0) CJ_RETURN_IF_ERROR(Cancelled());
  }
  ComposeFormerTrees();
  return {};
}

// What happened in a directory before it came from outside of the watched trees is on no record,
// and so is what happened in one that lay in it then. Paths are those of now: what such a directory
// is recognised by may be found only when others are.
Status Answer::FindArrivals(Directories& directories) {
  bool found = true;
  for (int pass = 0; found && !arrivals_lost_; ++pass) {
    found = false;
    for (std::size_t move = 0; move < fold_.moves().size(); ++move) {
      if (move % kCancelInterval == 0) CJ_RETURN_IF_ERROR(Cancelled());
      for (std::uint32_t view = 0; view < views_.size(); ++view) {
        const auto came = CameBy(move, view);
        if (!came.has_value()) continue;
        CJ_ASSIGN_OR_RETURN(const bool is_new, AddArrival(directories, move, view, *came));
        found |= is_new;
      }
    }
    arrivals_lost_ |= pass == kMaxArrivalPasses;
  }
  return {};
}

bool Answer::Arrival::Contains(const std::string& path) const {
  return !now.empty() && PathIsBelow(now, path);
}

// The move by which the one that is moved here came to the watched trees; nullopt: it was in them.
std::optional<std::size_t> Answer::CameBy(std::size_t move, std::uint32_t view) const {
  const std::string to = PathOf(fold_.moves()[move].to, view);
  if (to.empty() || !Covers(views_[view], to)) return std::nullopt;
  const std::string from = PathOf(fold_.moves()[move].from, view);
  if (from.empty() || !Covers(views_[view], from)) return move;
  std::optional<std::size_t> came;  // out of a directory that had come
  for (const auto& [key, arrival] : arrivals_) {
    if (arrival.view != view || !arrival.Contains(from)) continue;
    came = std::max(came.value_or(0), arrival.move);
  }
  return came;
}

// True when that says something new.
Result<bool> Answer::AddArrival(Directories& directories, std::size_t move, std::uint32_t view,
                                std::size_t came) {
  const ObjectIndex index = fold_.moves()[move].object;
  const auto known = arrivals_.find({index, view});
  if (known != arrivals_.end()) {
    const bool later = came > known->second.move;
    if (later) known->second.move = came;
    return later;
  }
  if (arrivals_.size() >= kMaxFormerTrees) {
    arrivals_lost_ = true;
    return false;
  }
  const FoldedObject& object = fold_.objects()[index];
  PathResolver resolver(*environment_.store, directories);
  auto now = resolver.Resolve(view, object.volume, FileHandle::FromEncoded(object.handle));
  if (!now.has_value() && now.error().code != ErrorCode::kLimit) return now.error();
  arrivals_lost_ |= !now.has_value();
  const bool there = now.has_value() && now->path.has_value();
  arrivals_[{index, view}] = {there ? now->path->path : std::string(), view, came};
  return true;
}

// The move brought the directory into one that came to the watched trees only later.
bool Answer::WasOutside(std::size_t move, std::uint32_t view, const std::string& before,
                        const std::string& to) const {
  return arrivals_lost_ || std::any_of(arrivals_.begin(), arrivals_.end(), [&](const auto& each) {
           const Arrival& arrival = each.second;
           return arrival.view == view && arrival.move > move && arrival.Contains(to) &&
                  !PathContains(arrival.now, before);
         });
}

Status Answer::AddFormerTree(Directories& directories, std::size_t move, std::uint32_t view,
                             const std::string& before) {
  std::string to = PathOf(fold_.moves()[move].to, view);
  const FoldedObject& object = fold_.objects()[fold_.moves()[move].object];
  PathResolver resolver(*environment_.store, directories);
  auto resolved = resolver.Resolve(view, object.volume, FileHandle::FromEncoded(object.handle));
  bool known = resolved.has_value() && resolved->path.has_value();
  if (to.empty() || !Covers(views_[view], to) || !known ||
      !Covers(views_[view], resolved->path->path)) {
    RefuseList(before, "was moved out of the watched tree, or to where it cannot be told");
    return {};
  }
  if (WasOutside(move, view, before, to)) {
    RefuseList(before, "may have been outside of the watched tree meanwhile");
    return {};
  }
  const ObjectIndex directory = fold_.moves()[move].object;
  KeepFormerTree({resolved->path->path, before, view, !resolved->path->dead, {directory}});
  return {};
}

void Answer::KeepFormerTree(FormerTree tree) {
  // Another way to the same path may go further.
  std::string key = tree.now + '\0' + tree.before;
  for (const ObjectIndex each : tree.through) key += '\0' + std::to_string(each);
  if (tree.now == tree.before || !former_known_.insert(std::move(key)).second) return;
  if (former_.size() >= kMaxFormerTrees) {
    RefuseList(tree.before, "is one of too many that were renamed");
    return;
  }
  former_.push_back(std::move(tree));
}

// A directory that was renamed inside of one that was renamed later has former paths below the
// former paths of that one, too. No directory was in itself: where one took the path of another
// that it had been in, paths of now would say so again and again.
void Answer::ComposeFormerTrees() {
  for (std::size_t i = 0; i < former_.size(); ++i) {
    for (std::size_t outer = 0; outer < former_.size(); ++outer) {
      const FormerTree above = former_[outer];  // a copy: the vector grows
      FormerTree composed = former_[i];
      if (above.view != composed.view || !PathIsBelow(above.now, composed.before)) continue;
      const bool met = std::any_of(
          above.through.begin(), above.through.end(),
          [&](ObjectIndex directory) { return composed.through.count(directory) != 0; });
      if (met) continue;
      composed.through.insert(above.through.begin(), above.through.end());
      composed.before = above.before + composed.before.substr(above.now.size());
      KeepFormerTree(std::move(composed));
      if (!unlistable_.empty()) return;
    }
  }
}

// One step: the names that records have below one former tree, or one directory of the walk over
// it.
Status Answer::TellFormerTree() {
  const FormerTree& tree = former_[next_former_];
  if (former_walk_ == nullptr) {
    TellRecordedMembers(tree);
    former_walk_ = std::make_unique<TreeWalk>(tree.alive ? tree.now : std::string());
  }
  std::vector<TreeWalk::Member> members;
  CJ_ASSIGN_OR_RETURN(bool more, former_walk_->NextDirectory(&members));
  for (const TreeWalk::Member& member : members) {
    TellFormer(tree, member.path, S_ISDIR(member.status.st_mode));
  }
  if (!more) {
    former_walk_.reset();
    ++next_former_;
  }
  return {};
}

void Answer::TellRecordedMembers(const FormerTree& tree) {
  auto place = std::lower_bound(
      places_.begin(), places_.end(), tree.now, [&](const Place& a, const std::string& wanted) {
        return a.view != tree.view ? a.view < tree.view : PathLess(a.path, wanted);
      });
  for (; place != places_.end() && place->view == tree.view && PathContains(tree.now, place->path);
       ++place) {
    for (NameIndex index : fold_.directories()[place->directory].names) {
      const FoldedName& name = fold_.names()[index];
      if ((name.classes & kEntryClass) == 0) continue;
      TellFormer(tree, JoinPath(place->path, name.name), name.directory_before);
    }
  }
}

void Answer::TellFormer(const FormerTree& tree, const std::string& member, bool directory) {
  const std::string path = tree.before + member.substr(tree.now.size());
  if (Covers(views_[tree.view], path)) Tell(tree.view, ChangeAt(path, directory));
}

// Something was here, a directory or not: it is gone, or something else is here now.
Change Answer::ChangeAt(const std::string& path, bool directory) {
  Change change;
  change.path = path;
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0) {
    change.kind = ChangeKind::kModified;
    change.type = TypeOf(status.st_mode);
    change.data = true;
    change.metadata = true;
  } else {
    change.kind = ChangeKind::kDeleted;
    change.type = directory ? FileType::kDirectory : FileType::kFile;
    change.recursive = directory;
  }
  return change;
}

}  // namespace cj
