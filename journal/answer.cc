#include "journal/answer.h"

#include <algorithm>

#include "base/text.h"
#include "journal/gaps.h"
#include "journal/path_order.h"

namespace cj {
namespace {

// How many records are scanned between two looks at `cancelled`.
constexpr std::uint64_t kCancelInterval = 4096;

}  // namespace

Answer::Answer(Environment environment, AnswerRequest request)
    : environment_(std::move(environment)),
      request_(std::move(request)),
      views_(MakeViews(WatchesAsked(environment_.watches, request_.paths))),
      mounts_(MountsOf(views_)),
      has_gaps_(request_.crawled || HasGap(GapsWithin(), request_.from, request_.until,
                                           environment_.watches, request_.paths)),
      losses_(environment_.store->losses()),
      fold_(environment_.limits.max_names) {}

Result<std::unique_ptr<Answer>> Answer::Build(Environment environment, AnswerRequest request) {
  std::unique_ptr<Answer> answer(new Answer(std::move(environment), std::move(request)));
  CJ_RETURN_IF_ERROR(CheckWatched(answer->request_.paths, answer->environment_.watches,
                                  answer->environment_.viewer.get()));
  CJ_RETURN_IF_ERROR(answer->CheckGaps());
  if (answer->MayList()) {
    answer->BeginList();
    return answer;
  }
  CJ_ASSIGN_OR_RETURN(const bool folded, answer->RescanBeyondLimits(answer->Scan()));
  if (!folded) return answer;
  CJ_ASSIGN_OR_RETURN(auto directories, answer->environment_.open_directories(answer->mounts_));
  CJ_RETURN_IF_ERROR(answer->CheckMounted(*directories));
  CJ_RETURN_IF_ERROR(answer->Prepare(*directories));
  CJ_RETURN_IF_ERROR(answer->CheckMounted(*directories));
  return answer;
}

// False: there is more than an answer takes, so that it says `rescan` and nothing else.
Result<bool> Answer::RescanBeyondLimits(Status scanned) {
  if (scanned.has_value()) return true;
  if (scanned.error().code != ErrorCode::kLimit) return std::move(scanned).error();
  RescanAll(scanned.error().message);
  return false;
}

// All that has to be known of the records that are folded before any of them is told.
Status Answer::Prepare(Directories& directories) {
  CJ_RETURN_IF_ERROR(SettleIntents(directories));
  CJ_RETURN_IF_ERROR(Resolve(directories));
  CJ_RETURN_IF_ERROR(FindRenames(directories));
  CJ_RETURN_IF_ERROR(FindFormerTrees(directories));
  CJ_RETURN_IF_ERROR(FindOvertaken(directories));
  FindUnsettled();
  return {};
}

Status Answer::Cancelled() const {
  if (environment_.cancelled && environment_.cancelled()) {
    return Error{ErrorCode::kCancelled, "the question was withdrawn"};
  }
  return {};
}

// Without its mount every directory of a volume would look deleted, and under another one the names
// are others. Asked before and after looking.
Status Answer::CheckMounted(Directories& directories) const {
  for (const Watch& watch : WatchesAsked(environment_.watches, request_.paths)) {
    if (watch.absent.empty()) continue;
    return Error{ErrorCode::kRescanNeeded, watch.wanted + ": " + watch.absent};
  }
  for (std::size_t view = 0; view < views_.size(); ++view) {
    auto root = directories.Look(view, mounts_[view].path, ".");
    if (root.has_value() && root->exists && !root->object.empty()) continue;
    return Error{ErrorCode::kRescanNeeded,
                 "the watched filesystem at " + mounts_[view].path + " is not there any more" +
                     (root.has_value() ? "" : ": " + root.error().message)};
  }
  for (std::size_t view = 0; view < views_.size(); ++view) {
    for (const Watch& watch : views_[view].watches) {
      if (!directories.IsHidden(view, watch.volume.path)) continue;
      return Error{ErrorCode::kRescanNeeded,
                   watch.volume.path +
                       " is hidden: something has been mounted over it, or it was unmounted"};
    }
  }
  return {};
}

std::vector<PeriodInfo> Answer::GapsWithin() const {
  return environment_.store->PeriodsWithGaps(request_.from, request_.until);
}

Status Answer::CheckGaps() const {
  const auto found = FindOpenGap(GapsWithin(), request_.from, request_.until, environment_.watches,
                                 request_.paths);
  if (!found.has_value()) return {};
  const Gap& gap = found->gap;
  const std::string where = gap.volume.empty() ? "" : " on " + gap.volume;
  const std::string late =
      gap.filled() ? "; a crawl has filled that later than the interval ends" : "";
  return Error{ErrorCode::kRescanNeeded, "changes are not known completely in period " +
                                             std::to_string(found->period.value) + where + ": " +
                                             gap.cause + late};
}

// Each scan sees the store as it is when it begins. What a disk has taken since the answer was
// begun is a gap that nobody has looked for.
Result<std::unique_ptr<RecordCursor>> Answer::ScanInterval(const ScanRange& range) const {
  CJ_ASSIGN_OR_RETURN(auto cursor, environment_.store->Scan(range));
  if (environment_.store->losses() != losses_) {
    return Error{ErrorCode::kBusy,
                 "the journal's disk lost records while the answer was made; ask again"};
  }
  return cursor;
}

Status Answer::Scan() {
  ScanRange range;
  range.from = request_.from;
  range.until = request_.until;
  range.distinct = !environment_.limits.every_record;
  CJ_ASSIGN_OR_RETURN(auto cursor, ScanInterval(range));
  Record record;
  for (;;) {
    CJ_ASSIGN_OR_RETURN(bool more, cursor->Next(&record));
    if (!more) return {};
    // Found for a gap of an earlier interval: this one is complete without it.
    if (has_gaps_ || !IsForAGap(record)) CJ_RETURN_IF_ERROR(fold_.Add(record));
    interval_end_ = {record.period, record.sequence};
    if (fold_.records() % kCancelInterval == 0) CJ_RETURN_IF_ERROR(Cancelled());
  }
}

// A place for every view that shows the directory in or above a watch. False: the directory is gone
// and nobody knows where it was.
Result<bool> Answer::ResolveOne(Directories& directories, PathResolver& resolver,
                                DirectoryIndex index) {
  const FoldedDirectory& folded = fold_.directories()[index];
  bool explained = true;
  for (std::size_t view = 0; view < views_.size(); ++view) {
    if (views_[view].mount.id != folded.volume) continue;
    auto resolved = resolver.Resolve(view, folded.volume, FileHandle::FromEncoded(folded.handle));
    if (!resolved.has_value() && resolved.error().code == ErrorCode::kLimit) {
      CJ_RETURN_IF_ERROR(TellDeep(directories, view, FileHandle::FromEncoded(folded.handle)));
      continue;
    }
    CJ_ASSIGN_OR_RETURN(auto outcome, std::move(resolved));
    if (!outcome.path.has_value()) {
      explained &= outcome.why != Unresolved::kUnexplained;
      continue;
    }
    const std::string& path = outcome.path->path;
    if (!Covers(views_[view], path) && !IsAboveWatch(views_[view], path)) continue;
    const bool only_itself = outcome.path->hidden && IsOnlyItself(folded);
    // What it was itself went with it, which the records of its parent tell.
    if (only_itself && outcome.path->dead) continue;
    if (outcome.path->hidden && !(only_itself && IsMountPoint(directories, view, path))) {
      hidden_.emplace(path, static_cast<std::uint32_t>(view));
      continue;
    }
    places_.push_back({path, index, static_cast<std::uint32_t>(view), outcome.path->dead});
  }
  return explained;
}

// Nothing in the directory has changed, only what the directory itself is.
bool Answer::IsOnlyItself(const FoldedDirectory& directory) const {
  return !directory.crawled &&
         std::all_of(directory.names.begin(), directory.names.end(),
                     [&](NameIndex index) { return fold_.names()[index].name == "."; });
}

// Something is mounted over it, and not only over something above it.
bool Answer::IsMountPoint(Directories& directories, std::size_t view,
                          const std::string& path) const {
  return !directories.IsHidden(view, std::string(SplitPath(path).directory));
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
  ahead_.emplace_back(std::move(change), static_cast<std::uint32_t>(view));
  return {};
}

Result<std::vector<DirectoryIndex>> Answer::ResolveSome(
    Directories& directories, const std::vector<DirectoryIndex>& indices) {
  std::vector<DirectoryIndex> unexplained;
  PathResolver resolver(*environment_.store, directories);
  for (DirectoryIndex index : indices) {
    CJ_ASSIGN_OR_RETURN(bool explained, ResolveOne(directories, resolver, index));
    if (!explained) unexplained.push_back(index);
    if (index % kCancelInterval == 0) CJ_RETURN_IF_ERROR(Cancelled());
  }
  return unexplained;
}

Status Answer::Resolve(Directories& directories) {
  std::vector<DirectoryIndex> all;
  for (DirectoryIndex index = 0; index < fold_.directories().size(); ++index) {
    if (!IsListed(index)) all.push_back(index);
  }
  CJ_ASSIGN_OR_RETURN(auto unexplained, ResolveSome(directories, all));
  if (!unexplained.empty() && environment_.drain) {
    // It went a moment ago: the record of its end is still in the kernel's queue.
    CJ_RETURN_IF_ERROR(environment_.drain());
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
  FindCrawled();
  TellHidden();
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

// Where objects that had a name before the interval are now, if they were renamed: verified on the
// tree, because the order of merged renames is not known.
Status Answer::FindRenames(Directories& directories) {
  present_name_.assign(fold_.objects().size(), kNone);
  seen_.assign(fold_.objects().size(), false);
  held_.assign(fold_.objects().size(), false);
  if (places_.empty()) return {};
  for (NameIndex index = 0; index < fold_.names().size(); ++index) {
    const FoldedName& name = fold_.names()[index];
    ObjectIndex object = name.object_after;
    if (object == kNone || present_name_[object] != kNone) continue;
    const FoldedObject& folded = fold_.objects()[object];
    if (!folded.renamed || folded.name_before == kNone || folded.name_before == index) continue;
    // It is told as the rename by an entry record; another name may come of a later interval.
    if ((name.classes & kEntryClass) == 0) continue;
    if (place_of_[name.directory].empty()) continue;
    const Place& place = places_[place_of_[name.directory].front()];
    if (!request_.until_now) {
      if (name.after == Existence::kPresent) present_name_[object] = index;
      continue;
    }
    CJ_ASSIGN_OR_RETURN(NameState now,
                        SeeElsewhere(directories, place.view, place.path, std::string(name.name)));
    if (now.exists && now.object.encoded == folded.handle) present_name_[object] = index;
    if (index % kCancelInterval == 0) CJ_RETURN_IF_ERROR(Cancelled());
  }
  return {};
}

// A name whose path is too long for any system call, ours or the reader's, is nowhere.
Result<NameState> Answer::SeeElsewhere(Directories& directories, std::size_t view,
                                       const std::string& directory, const std::string& name) {
  auto seen = directories.Glance(view, directory, name, {});
  if (!seen.has_value() && seen.error().code == ErrorCode::kLimit) return NameState{};
  return seen;
}

Result<bool> Answer::Next(std::size_t max, std::vector<Change>* changes) {
  const PeriodId open = environment_.store->OpenPeriod().id;
  CJ_ASSIGN_OR_RETURN(auto directories, environment_.open_directories(mounts_));
  CJ_RETURN_IF_ERROR(CheckMounted(*directories));
  settled_since_.clear();
  const ViewerStep step(environment_.viewer.get());
  out_ = changes;
  out_bytes_ = 0;
  const std::size_t target = out_->size() + max;
  const bool is_list = list_ != nullptr && !list_->told;
  if (is_list) CJ_RETURN_IF_ERROR(TellList(*directories, max));
  bool more = true;
  // What has been told does not wait for what is folded, which may take long.
  if (!is_list || (IsAllListed() && !IsStepFull(target))) {
    CJ_ASSIGN_OR_RETURN(more, TellSome(*directories, target - out_->size()));
  }
  CJ_RETURN_IF_ERROR(CheckMounted(*directories));
  if (list_ != nullptr) ShareSettled(open);
  return more;
}

bool Answer::IsStepFull(std::size_t target) const {
  return out_->size() >= target || out_bytes_ >= kStepBytes;
}

Result<bool> Answer::TellSome(Directories& directories, std::size_t max) {
  const std::size_t target = out_->size() + max;
  if (!began_) {
    began_ = true;
    for (const auto& [rescan, view] : rescans_) Tell(view, rescan);
  }
  while (!IsStepFull(target)) {
    CJ_RETURN_IF_ERROR(Cancelled());
    if (next_ahead_ < ahead_.size()) {
      const auto& [change, view] = ahead_[next_ahead_++];
      Tell(view, change);
      continue;
    }
    if (walk_ != nullptr || !to_expand_.empty()) {
      CJ_RETURN_IF_ERROR(TellExpansion());
      continue;
    }
    if (!groups_.empty() || next_place_ < places_.size()) {
      CJ_RETURN_IF_ERROR(TellPlaces(directories, target - out_->size()));
    } else if (!links_told_) {
      links_told_ = true;
      CJ_RETURN_IF_ERROR(TellOtherLinks(directories));
    } else if (next_former_ < former_.size()) {
      CJ_RETURN_IF_ERROR(TellFormerTree());
    } else if (!former_.empty() && !tail_found_) {
      tail_found_ = true;
      CJ_RETURN_IF_ERROR(FindTail(directories));
    } else if (!tail_.empty()) {
      TellTailMember();
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace cj
