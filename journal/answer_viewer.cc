// The part of Answer that hides from a viewer what he could not list himself, and still covers all
// that differs in what he can see. docs/visibility.md has the argument; in short:
//
//  - A name that is there is his if he may list its directory: he could look himself.
//  - A name that is not there any more he could have listed if he may list its directory, and if
//    nothing says that this was different when the name was there: no directory on the path was
//    replaced or had its attributes changed since the interval began. Such directories are
//    *unsettled*.
//  - An unsettled directory is told as `recursive`: what he may see below it may have changed with
//    it. That covers the names that are hidden because of it.
//  - What is hidden with all that was below it, in a directory that he may search but not read, may
//    have held names that were his: the nearest directory above that he sees is told as
//    `recursive`.
#include <sys/stat.h>

#include <algorithm>

#include "base/text.h"
#include "journal/answer.h"
#include "journal/path_order.h"

namespace cj {
namespace {

// A change time may be older by a tick of the kernel's clock than a period that began before it.
constexpr std::int64_t kChangeTimeLagNsec = 20'000'000;

std::int64_t ChangeTimeNsec(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return INT64_MAX;
  return status.st_ctim.tv_sec * std::int64_t{1'000'000'000} + status.st_ctim.tv_nsec;
}

// Of the records behind an interval one that unsettles a directory is enough.
constexpr std::size_t kMostInTail = 16;

bool Unsettles(const Record& record) {
  return (record.operations & kDirectory) != 0 &&
         (record.operations & (kAttributes | kRenamed | kReplaced | kCrawled)) != 0;
}

std::string DirectoryOf(const std::string& path) { return std::string(SplitPath(path).directory); }

}  // namespace

void Answer::Unsettle(const std::string& path, bool seen_before) {
  auto [entry, is_new] = unsettled_.emplace(path, seen_before);
  if (!is_new) entry->second |= seen_before;
}

// A directory that was made within the interval, and nothing else was at its path, had no names
// before it: whatever was done to it since, its records name all that is in it.
void Answer::FindUnsettled() {
  if (environment_.viewer == nullptr || rescan_all_) return;
  for (NameIndex index = 0; index < fold_.names().size(); ++index) {
    const FoldedName& name = fold_.names()[index];
    const bool directory = name.directory_before || name.directory_after || name.directory_left;
    if (!directory || (name.classes & kEntryClass) == 0) continue;
    const bool seen_before = name.directory_left || name.before != Existence::kAbsent;
    for (std::uint32_t place : place_of_[name.directory]) {
      Unsettle(JoinPath(places_[place].path, name.name), seen_before);
    }
  }
  for (const Place& place : places_) {
    const FoldedDirectory& directory = fold_.directories()[place.directory];
    if (directory.crawled) Unsettle(place.path, true);
    if (directory.self_metadata) unsettled_.emplace(place.path, true);
  }
  for (const auto& [path, view] : hidden_) Unsettle(path, true);
  FindUnsettledAbove();
}

// Of directories above a watch on another filesystem nobody has records: their change times tell,
// which move for other reasons as well.
void Answer::FindUnsettledAbove() {
  const auto from = environment_.store->FindPeriod(request_.from);
  const bool unknown = request_.crawled || !from.has_value();
  for (std::uint32_t view = 0; view < views_.size(); ++view) {
    for (const Watch& watch : views_[view].watches) {
      const std::string& root = watch.volume.path;
      bool changed = unknown;
      for (std::string above = root; !changed && above != "/";) {
        above = DirectoryOf(above);
        // Nobody recorded anything in a gap, and a crawl looks at what is watched.
        const bool recorded = !has_gaps_ && PathContains(views_[view].mount.mount_point, above);
        changed = recorded ? unsettled_.count(above) != 0
                           : ChangeTimeNsec(above) >= from->start_usec * 1000 - kChangeTimeLagNsec;
      }
      if (changed) TellUnsettled(root, view);
    }
  }
  // He may have reached what is behind them before.
  for (const std::string& barred : environment_.barred) {
    const bool changed =
        unknown || ChangeTimeNsec(barred) >= from->start_usec * 1000 - kChangeTimeLagNsec;
    if (changed) TellUnsettled(barred, 0);
  }
}

void Answer::TellUnsettled(const std::string& directory, std::uint32_t view) {
  Unsettle(directory, true);
  Change change;
  change.type = FileType::kDirectory;
  change.path = directory;
  ahead_.emplace_back(std::move(change), view);
}

// The nearest directory above a name that was something else to a viewer; null: there is none.
const std::pair<const std::string, bool>* Answer::UnsettledAbove(const std::string& path) const {
  for (std::string above = path; above != "/";) {
    above = DirectoryOf(above);
    const auto found = unsettled_.find(above);
    if (found != unsettled_.end()) return &*found;
  }
  return nullptr;
}

// The directory that he would list is the one whose records these are.
bool Answer::IsPlaceOf(std::uint32_t view, const std::string& path,
                       const FileHandle& directory) const {
  auto place = std::lower_bound(places_.begin(), places_.end(), path,
                                [&](const Place& a, const std::string& wanted) {
                                  return a.view != view ? a.view < view : PathLess(a.path, wanted);
                                });
  for (; place != places_.end() && place->view == view && place->path == path; ++place) {
    if (place->dead) continue;
    if (fold_.directories()[place->directory].handle == directory.encoded) return true;
  }
  return false;
}

bool Answer::IsVisible(std::uint32_t view, const std::string& path) {
  Viewer& viewer = *environment_.viewer;
  if (viewer.Shows(path)) return true;
  const std::string above = DirectoryOf(path);
  const Viewer::Sight sight = viewer.Look(above);
  if (!sight.listable || UnsettledAbove(path) != nullptr) return false;
  if (!IsPlaceOf(view, above, sight.directory)) return false;
  auto [known, is_new] = settled_since_.emplace(above, false);
  if (is_new) known->second = IsSettledSince(view, above);
  return known->second;
}

// He has looked at the directory after the interval's end. Change times say in most cases that
// nothing has happened in between to it, and to those above it; records say whether what happened
// was to somebody's permissions, of which directory ever.
bool Answer::IsSettledSince(std::uint32_t view, const std::string& directory) {
  bool ask_records = false;
  for (std::string above = directory;; above = DirectoryOf(above)) {
    const bool changed = ChangeTimeNsec(above) >= environment_.asked_nsec;
    const bool recorded = PathContains(views_[view].mount.mount_point, above);
    if (changed && !recorded) return false;
    ask_records |= changed;
    if (above == "/") break;
  }
  if (!ask_records) return true;
  Fold tail(kMostInTail);
  ScanPosition position = interval_end_;
  const Status drained = environment_.drain ? environment_.drain() : Status();
  return drained.has_value() && ScanTail(Unsettles, &position, &tail).has_value() &&
         tail.records() == 0;
}

void Answer::TellVisible(std::uint32_t view, Change change) {
  const bool renamed = change.kind == ChangeKind::kRenamed;
  if (!IsAskedFor(change.path) && !(renamed && IsAskedFor(change.from))) return;
  const bool directory = change.type == FileType::kDirectory;
  const auto unsettled = unsettled_.find(change.path);
  if (directory && Exists(change.kind) && unsettled != unsettled_.end() && unsettled->second) {
    change.data = change.metadata = change.recursive = true;
  }
  // What stands for all below it is told once: this cannot say more.
  if (change.kind == ChangeKind::kModified && stands_for_.count(change.path) != 0) return;
  const bool stands = change.data && change.metadata && change.recursive;
  if (change.kind == ChangeKind::kModified && stands && Wanted(views_[view], change) &&
      IsVisible(view, change.path)) {
    stands_for_.insert(change.path);
  }
  const bool from = !renamed || IsVisible(view, change.from);
  const bool here = IsVisible(view, change.path);
  if (!from) TellHiddenEnd(view, change.from, directory, false);
  if (!here) NoteMoved(view, change);  // he may see other names of what is in it
  if (!here) TellHiddenEnd(view, change.path, change.recursive, change.kind == ChangeKind::kRescan);
  if (here && from) {
    TellShown(view, std::move(change));
  } else if (here) {  // it came from where he sees nothing
    change.kind = ChangeKind::kCreated;
    change.from.clear();
    change.recursive |= directory;
    TellShown(view, std::move(change));
  } else if (renamed && from) {  // it went there
    Change gone = ChangeAt(change.from, directory);
    TellShown(view, std::move(gone));
  }
}

void Answer::TellHiddenEnd(std::uint32_t view, const std::string& path, bool recursive,
                           bool rescan) {
  const std::string above = DirectoryOf(path);
  const Viewer::Sight sight = environment_.viewer->Look(above);
  if (sight.missing) return;  // which is told of a directory above it
  if (!sight.listable) {
    if (recursive) TellAbove(view, above, rescan);
    return;
  }
  const auto* unsettled = UnsettledAbove(path);
  if (unsettled != nullptr && !unsettled->second) return;  // no name in it was there before
  if (unsettled == nullptr || request_.presence == Presence::kDeleted) {
    TellAbove(view, above, rescan);
  } else if (request_.expand) {
    RefuseList(unsettled->first, "may not have shown you the same names all the time");
  }
}

// The nearest directory that he sees stands for what changed below it. Where he may not search
// there is nothing that is his.
void Answer::TellAbove(std::uint32_t view, std::string directory, bool rescan) {
  if (!environment_.viewer->Look(directory).searchable) return;
  while (directory != "/" && !environment_.viewer->Shows(directory)) {
    directory = DirectoryOf(directory);
  }
  if (request_.expand) RefuseList(directory, "shows you only a part of what is in it");
  Change change = RescanOf(directory);
  if (!rescan && request_.presence != Presence::kDeleted) {
    change.kind = ChangeKind::kModified;
    change.data = change.metadata = true;
  }
  // What the question leaves out stands for nothing: a `rescan` of the same may still come.
  if (!Wanted(views_[view], change) || !stands_for_.insert(directory).second) return;
  TellShown(view, std::move(change));
}

}  // namespace cj
