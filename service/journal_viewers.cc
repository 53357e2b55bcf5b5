// The part of JournalService for viewers: what they may know of, and the little that is made for
// them.
#include "base/text.h"
#include "service/journal_service.h"

namespace cj {
namespace {

const std::string& RootOf(const Watch& watch) {
  return watch.absent.empty() ? watch.volume.path : watch.wanted;
}

// The nearest directory above a path that is there and that he can find.
std::string ReachedTowards(Viewer& viewer, std::string path) {
  for (;;) {
    const bool closed = !viewer.Look(path).missing;
    std::string above(SplitPath(path).directory);
    // The one that bars the way, or the one that what leads on is missing from.
    if (above == "/" || viewer.Look(above).searchable) return closed ? path : above;
    path = std::move(above);
  }
}

// Of a tree that he may not search for he must not hear whether it is watched.
std::vector<std::string> KeepKnown(Viewer& viewer, std::vector<Watch>* watches) {
  std::vector<std::string> barred;
  std::erase_if(*watches, [&](const Watch& watch) {
    const std::string& root = RootOf(watch);
    if (root == "/") return false;
    const std::string above(SplitPath(root).directory);
    if (viewer.Look(above).searchable) return false;
    barred.push_back(ReachedTowards(viewer, above));
    return true;
  });
  return barred;
}

}  // namespace

std::vector<Watch> JournalService::WatchesOf(Viewer* viewer,
                                             std::vector<std::string>* barred) const {
  std::vector<Watch> watches = binder_->binding()->watches;
  if (viewer == nullptr) return watches;
  const ViewerStep step(viewer);
  std::vector<std::string> ends = KeepKnown(*viewer, &watches);
  if (barred != nullptr) *barred = std::move(ends);
  return watches;
}

Status JournalService::CheckPaths(const std::vector<std::string>& paths, Viewer* viewer) const {
  const std::vector<Watch> watches = WatchesOf(viewer);
  if (watches.empty() && viewer != nullptr) {
    return Error{ErrorCode::kPermissionDenied, "you may see nothing of what is watched"};
  }
  return CheckWatched(paths, watches, viewer);
}

// One of those who ask at the same time gets it.
bool JournalService::TakeViewerCheckpoint() {
  const std::int64_t now = clock_.MonotonicUsec();
  std::int64_t last = viewer_checkpoint_usec_.load();
  if (last != 0 && now - last < kViewerCheckpointUsec) return false;
  const std::int64_t age = clock_.RealtimeUsec() - store_->OpenPeriod().start_usec;
  if (age >= 0 && age < kViewerCheckpointUsec) return false;
  return viewer_checkpoint_usec_.compare_exchange_strong(last, now);
}

Result<JournalService::Started> JournalService::TokenToStart(bool checkpoint, Viewer& viewer) {
  Started started = {RescanToken(), {}};
  if (checkpoint && TakeViewerCheckpoint()) {
    CJ_ASSIGN_OR_RETURN(started, Checkpoint(""));
  } else {
    for (const Watch& watch : binder_->binding()->watches) {
      if (!watch.absent.empty()) started.absent.push_back(watch);
    }
  }
  // The reasons speak of what is around it.
  const ViewerStep step(&viewer);
  std::erase_if(started.absent, [&](const Watch& watch) { return !viewer.Shows(watch.wanted); });
  for (Watch& watch : started.absent) watch.absent = "it is not there, or was not a moment ago";
  return started;
}

}  // namespace cj
