#include "journal/answer.h"

#include <algorithm>

#include "base/text.h"
#include "journal/path_order.h"

namespace cj {
namespace {

// How many records are scanned between two looks at `cancelled`.
constexpr std::uint64_t kCancelInterval = 4096;

FileHandle HandleFrom(std::string_view encoded) {
  FileHandle handle;
  handle.encoded = std::string(encoded);
  return handle;
}

// True when the path is strictly above the root of some watch.
bool IsAboveWatch(const View& view, const std::string& path) {
  return std::any_of(view.watches.begin(), view.watches.end(), [&](const Watch& watch) {
    return watch.volume.path != path && PathContains(path, watch.volume.path);
  });
}

}  // namespace

Answer::Answer(Environment environment, AnswerRequest request)
    : environment_(std::move(environment)),
      request_(std::move(request)),
      views_(MakeViews(environment_.watches)),
      mounts_(MountsOf(views_)),
      fold_(environment_.limits.max_names) {}

Result<std::unique_ptr<Answer>> Answer::Build(Environment environment, AnswerRequest request) {
  std::unique_ptr<Answer> answer(new Answer(std::move(environment), std::move(request)));
  CJ_RETURN_IF_ERROR(answer->CheckPaths());
  CJ_RETURN_IF_ERROR(answer->CheckGaps());
  Status scanned = answer->Scan();
  if (!scanned.has_value() && scanned.error().code == ErrorCode::kLimit) {
    answer->RescanAll(scanned.error().message);
    return answer;
  }
  CJ_RETURN_IF_ERROR(std::move(scanned));
  CJ_ASSIGN_OR_RETURN(auto directories, answer->environment_.open_directories(answer->mounts_));
  CJ_RETURN_IF_ERROR(answer->CheckMounted(*directories));
  CJ_RETURN_IF_ERROR(answer->Resolve(*directories));
  CJ_RETURN_IF_ERROR(answer->FindRenames(*directories));
  CJ_RETURN_IF_ERROR(answer->FindFormerTrees(*directories));
  return answer;
}

Status Answer::Cancelled() const {
  if (environment_.cancelled && environment_.cancelled()) {
    return Error{ErrorCode::kCancelled, "the question was withdrawn"};
  }
  return {};
}

// Without its mount every directory of a volume would look deleted.
Status Answer::CheckMounted(Directories& directories) const {
  for (std::size_t view = 0; view < views_.size(); ++view) {
    auto root = directories.Look(view, mounts_[view].path, ".");
    if (root.has_value() && root->exists && !root->object.empty()) continue;
    return Error{ErrorCode::kRescanNeeded,
                 "the watched filesystem at " + mounts_[view].path + " is not there any more" +
                     (root.has_value() ? "" : ": " + root.error().message)};
  }
  return {};
}

Status Answer::CheckPaths() const {
  for (const std::string& path : request_.paths) {
    bool covered = std::any_of(views_.begin(), views_.end(), [&](const View& view) {
      return Covers(view, path) || IsAboveWatch(view, path);
    });
    if (!covered) {
      return Error{ErrorCode::kInvalidArgument,
                   path + " is not under any watch, or is excluded: see `changectl status`"};
    }
  }
  return {};
}

Status Answer::CheckGaps() const {
  for (const PeriodInfo& period : environment_.store->Periods()) {
    if (period.id < request_.from || period.id >= request_.until || period.gaps.empty()) continue;
    const Gap& gap = period.gaps.front();
    std::string where = gap.volume.empty() ? "" : " on " + gap.volume;
    return Error{ErrorCode::kRescanNeeded, "changes are not known completely in period " +
                                               std::to_string(period.id.value) + where + ": " +
                                               gap.cause};
  }
  return {};
}

Status Answer::Scan() {
  ScanRange range;
  range.from = request_.from;
  range.until = request_.until;
  CJ_ASSIGN_OR_RETURN(auto cursor, environment_.store->Scan(range));
  Record record;
  for (;;) {
    CJ_ASSIGN_OR_RETURN(bool more, cursor->Next(&record));
    if (!more) return {};
    CJ_RETURN_IF_ERROR(fold_.Add(record));
    if (fold_.records() % kCancelInterval == 0) CJ_RETURN_IF_ERROR(Cancelled());
  }
}

// A place for every view that shows the directory in or above a watch. False: the directory is gone
// and nobody knows where it was.
Result<bool> Answer::ResolveOne(Directories& directories, DirectoryIndex index) {
  const FoldedDirectory& folded = fold_.directories()[index];
  PathResolver resolver(*environment_.store, directories);
  bool explained = true;
  for (std::size_t view = 0; view < views_.size(); ++view) {
    if (views_[view].mount.id != folded.volume) continue;
    auto resolved = resolver.Resolve(view, folded.volume, HandleFrom(folded.handle));
    if (!resolved.has_value() && resolved.error().code == ErrorCode::kLimit) {
      CJ_RETURN_IF_ERROR(TellDeep(directories, view, HandleFrom(folded.handle)));
      continue;
    }
    CJ_ASSIGN_OR_RETURN(auto outcome, std::move(resolved));
    if (!outcome.path.has_value()) {
      explained &= outcome.why != Unresolved::kUnexplained;
      continue;
    }
    const std::string& path = outcome.path->path;
    if (!Covers(views_[view], path) && !IsAboveWatch(views_[view], path)) continue;
    places_.push_back({path, index, static_cast<std::uint32_t>(view), outcome.path->dead});
  }
  return explained;
}

// A path that no system call takes cannot be told; the nearest directory above it stands for it.
Status Answer::TellDeep(Directories& directories, std::size_t view, const FileHandle& directory) {
  CJ_ASSIGN_OR_RETURN(std::string path, directories.PathAbove(view, directory));
  if (!Covers(views_[view], path) || !deep_told_.insert(path).second) return {};
  Change change;
  change.type = FileType::kDirectory;
  change.path = std::move(path);
  change.data = true;
  change.metadata = true;
  change.recursive = true;
  deep_.emplace_back(std::move(change), static_cast<std::uint32_t>(view));
  return {};
}

Result<std::vector<DirectoryIndex>> Answer::ResolveSome(
    Directories& directories, const std::vector<DirectoryIndex>& indices) {
  std::vector<DirectoryIndex> unexplained;
  for (DirectoryIndex index : indices) {
    CJ_ASSIGN_OR_RETURN(bool explained, ResolveOne(directories, index));
    if (!explained) unexplained.push_back(index);
    if (index % kCancelInterval == 0) CJ_RETURN_IF_ERROR(Cancelled());
  }
  return unexplained;
}

Status Answer::Resolve(Directories& directories) {
  std::vector<DirectoryIndex> all(fold_.directories().size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = static_cast<DirectoryIndex>(i);
  CJ_ASSIGN_OR_RETURN(auto unexplained, ResolveSome(directories, all));
  if (!unexplained.empty() && environment_.flush) {
    // It went a moment ago: the record of its end is still in the kernel's queue.
    CJ_RETURN_IF_ERROR(environment_.flush());
    CJ_ASSIGN_OR_RETURN(unexplained, ResolveSome(directories, unexplained));
  }
  // Every directory that is deleted leaves a row, and any other dies under a directory that is
  // renamed onto it: in an interval up to now that rename is on record, recursive at the new name,
  // and so tells of what was in the victim. (Or both were outside of every watch.)
  if (!unexplained.empty() && !request_.until_now) {
    RescanAll("a directory is gone, and no record says where it was");
    return {};
  }
  if (!unexplained.empty()) RefuseList("a directory", "was replaced by the rename of another");
  SortPlaces();
  FindLostRoots();
  return {};
}

void Answer::SortPlaces() {
  std::sort(places_.begin(), places_.end(), [](const Place& a, const Place& b) {
    if (a.view != b.view) return a.view < b.view;
    if (a.path != b.path) return PathLess(a.path, b.path);
    return a.dead > b.dead;  // who stood here earlier comes first
  });
  place_of_.resize(fold_.directories().size());
  for (std::size_t i = 0; i < places_.size(); ++i) {
    place_of_[places_[i].directory].push_back(static_cast<std::uint32_t>(i));
  }
}

// A directory above a watch's root was renamed, deleted or made: what is below the root now has
// little to do with what was there.
void Answer::FindLostRoots() {
  std::unordered_set<std::string> lost;
  for (const Place& place : places_) {
    const View& view = views_[place.view];
    if (Covers(view, place.path)) continue;
    for (NameIndex index : fold_.directories()[place.directory].names) {
      const FoldedName& name = fold_.names()[index];
      if ((name.classes & kEntryClass) == 0) continue;
      std::string path = JoinPath(place.path, name.name);
      for (const Watch& watch : view.watches) {
        bool above = watch.volume.path != path && PathContains(path, watch.volume.path);
        if (above && lost.insert(watch.volume.path).second) {
          rescan_reason_ = path + ", which leads to the watched tree, was renamed or replaced";
          Change change;
          change.kind = ChangeKind::kRescan;
          change.type = FileType::kDirectory;
          change.path = watch.volume.path;
          change.recursive = true;
          rescans_.push_back(std::move(change));
        }
      }
    }
  }
}

void Answer::RescanAll(std::string reason) {
  rescan_reason_ = std::move(reason);
  places_.clear();
  rescans_.clear();
  for (const View& view : views_) {
    for (const Watch& watch : view.watches) {
      Change change;
      change.kind = ChangeKind::kRescan;
      change.type = FileType::kDirectory;
      change.path = watch.volume.path;
      change.recursive = true;
      rescans_.push_back(std::move(change));
    }
  }
}

// Where objects that had a name before the interval are now, if they were renamed: verified on the
// tree, because the order of merged renames is not known.
Status Answer::FindRenames(Directories& directories) {
  present_name_.assign(fold_.objects().size(), kNone);
  seen_.assign(fold_.objects().size(), false);
  if (places_.empty()) return {};
  for (NameIndex index = 0; index < fold_.names().size(); ++index) {
    const FoldedName& name = fold_.names()[index];
    ObjectIndex object = name.object_after;
    if (object == kNone || present_name_[object] != kNone) continue;
    const FoldedObject& folded = fold_.objects()[object];
    if (!folded.renamed || folded.name_before == kNone || folded.name_before == index) continue;
    if (place_of_[name.directory].empty()) continue;
    const Place& place = places_[place_of_[name.directory].front()];
    if (!request_.until_now) {
      if (name.after == Existence::kPresent) present_name_[object] = index;
      continue;
    }
    CJ_ASSIGN_OR_RETURN(NameState now,
                        directories.Look(place.view, place.path, std::string(name.name)));
    if (now.exists && now.object.encoded == folded.handle) present_name_[object] = index;
    if (index % kCancelInterval == 0) CJ_RETURN_IF_ERROR(Cancelled());
  }
  return {};
}

Result<bool> Answer::Next(std::size_t max, std::vector<Change>* changes) {
  out_ = changes;
  std::size_t target = changes->size() + max;
  if (!began_) {
    began_ = true;
    for (const Change& rescan : rescans_) Tell(0, rescan);
    for (const auto& [change, view] : deep_) Tell(view, change);
  }
  std::unique_ptr<Directories> directories;
  while (changes->size() < target) {
    CJ_RETURN_IF_ERROR(Cancelled());
    if (walk_ != nullptr || !to_expand_.empty()) {
      CJ_RETURN_IF_ERROR(TellExpansion());
      continue;
    }
    if (directories == nullptr) {
      CJ_ASSIGN_OR_RETURN(directories, environment_.open_directories(mounts_));
      CJ_RETURN_IF_ERROR(CheckMounted(*directories));
    }
    if (next_name_ < group_names_.size()) {
      CJ_RETURN_IF_ERROR(StepGroup(*directories));
    } else if (group_end_ > group_begin_) {
      TellSelf();
      group_begin_ = group_end_;
    } else if (group_begin_ < places_.size()) {
      BeginGroup();
    } else if (!links_told_) {
      links_told_ = true;
      CJ_RETURN_IF_ERROR(TellOtherLinks(*directories));
    } else if (next_former_ < former_.size()) {
      CJ_RETURN_IF_ERROR(TellFormerTree());
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace cj
