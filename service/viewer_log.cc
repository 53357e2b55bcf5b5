#include "service/viewer_log.h"

#include <sys/stat.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/text.h"
#include "fanotify/directories.h"
#include "journal/views.h"

namespace cj {
namespace {

// A change time may be older by a tick of the kernel's clock than a period that began before it.
constexpr std::int64_t kChangeTimeLagNsec = 20'000'000;

enum class Sight {
  kHidden,
  kThere,  // he could look himself
  kGone,   // he may list the directory, and the name is not there (any more)
};

std::string DirectoryOf(const std::string& path) { return std::string(SplitPath(path).directory); }

bool ChangedSinceTime(const std::string& path, std::int64_t time_usec) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return true;
  const std::int64_t changed =
      status.st_ctim.tv_sec * std::int64_t{1'000'000'000} + status.st_ctim.tv_nsec;
  return changed >= time_usec * 1000 - kChangeTimeLagNsec;
}

class ViewerLogReader : public LogReader {
 public:
  ViewerLogReader(const Store& store, const LogSource& source, std::shared_ptr<LogViewer> viewer,
                  std::function<Status()> flush, std::unique_ptr<LogReader> reader)
      : store_(store),
        begin_(source.range.from),
        watches_(source.watches),
        views_(MakeViews(source.watches)),
        viewer_(std::move(viewer)),
        flush_(std::move(flush)),
        reader_(std::move(reader)) {}

  Result<bool> Next(std::size_t max, std::vector<LogEntry>* entries) override {
    const ViewerStep step(viewer_->viewer.get());
    std::vector<LogEntry> read;
    CJ_ASSIGN_OR_RETURN(const bool more, reader_->Next(max, &read));
    std::vector<Seen> seen;
    bool some_gone = false;
    for (const LogEntry& entry : read) {
      seen.push_back({Look(entry, entry.path, entry.record.parent),
                      Look(entry, entry.from, entry.record.old_parent)});
      some_gone |= seen.back().path == Sight::kGone || seen.back().from == Sight::kGone;
    }
    if (some_gone) CJ_RETURN_IF_ERROR(CatchUp());
    CJ_ASSIGN_OR_RETURN(auto directories, OpenDirectories(MountsOf(views_)));
    handles_.clear();
    gaps_ = store_.PeriodsWithGaps(begin_, kNoPeriod);
    for (std::size_t i = 0; i < read.size(); ++i) {
      Tell(*directories, seen[i], std::move(read[i]), entries);
    }
    return more;
  }

  SequenceNumber last_sequence() const override { return reader_->last_sequence(); }
  PeriodId last_period() const override { return reader_->last_period(); }
  const std::vector<PeriodGap>& gaps() const override { return reader_->gaps(); }

 private:
  struct Seen {
    Sight path = Sight::kHidden;
    Sight from = Sight::kHidden;
  };

  Sight Look(const LogEntry& entry, const std::string& path, const FileHandle& directory) const {
    if (entry.gap || path.empty()) return Sight::kHidden;
    if (viewer_->viewer->Shows(path)) return Sight::kThere;
    const Viewer::Sight sight = viewer_->viewer->Look(DirectoryOf(path));
    const bool same = sight.listable && sight.directory == directory;
    return same ? Sight::kGone : Sight::kHidden;
  }

  // After he has looked: whatever let him see was done before, and is known then.
  Status CatchUp() {
    CJ_RETURN_IF_ERROR(flush_());
    return viewer_->history.CatchUp(store_, begin_, viewer_->cancelled);
  }

  // Nothing says that he could list the directory only later: neither records, nor a gap. What is
  // above the filesystems of the watches nobody records; and a record's own time is when it was
  // read, which may be long after the event.
  bool CouldList(Directories& directories, const Record& record, const std::string& directory,
                 const FileHandle& handle) {
    const auto period = store_.FindPeriod(record.period);
    const bool missed = std::any_of(gaps_.begin(), gaps_.end(), [&](const PeriodInfo& with_gap) {
      return record.period <= with_gap.id;
    });
    if (missed || viewer_->history.ChangedSince(record.volume, handle, record.period)) return false;
    for (std::string above = directory;; above = DirectoryOf(above)) {
      const Watch* watch = WatchThatRecords(above);
      const bool changed = watch == nullptr
                               ? !period.has_value() || ChangedSinceTime(above, period->start_usec)
                               : viewer_->history.ChangedSince(
                                     watch->volume.id, HandleOf(directories, above), record.period);
      if (changed) return false;
      if (above == "/") return true;
    }
  }

  // On the filesystem that is seen there: the one of the innermost mount.
  const Watch* WatchThatRecords(const std::string& path) const {
    const Watch* innermost = nullptr;
    for (const Watch& watch : watches_) {
      const std::string& mount = watch.volume.mount_point;
      const bool inner =
          innermost == nullptr || innermost->volume.mount_point.size() < mount.size();
      const bool on_the_way =
          PathContains(watch.volume.path, path) || PathContains(path, watch.volume.path);
      if (PathContains(mount, path) && on_the_way && inner) innermost = &watch;
    }
    return innermost;
  }

  FileHandle HandleOf(Directories& directories, const std::string& path) {
    const auto known = handles_.find(path);
    if (known != handles_.end()) return known->second;
    auto handle = directories.HandleOf(path);
    FileHandle found = handle.has_value() ? *handle : FileHandle();  // counts as changed
    handles_.emplace(path, found);
    return found;
  }

  bool IsTold(Directories& directories, Sight sight, const Record& record, const std::string& path,
              const FileHandle& directory) {
    if (sight != Sight::kGone) return sight == Sight::kThere;
    return CouldList(directories, record, DirectoryOf(path), directory);
  }

  void Tell(Directories& directories, const Seen& seen, LogEntry entry,
            std::vector<LogEntry>* entries) {
    if (entry.gap) {
      entries->push_back(std::move(entry));
      return;
    }
    Record& record = entry.record;
    const bool here = IsTold(directories, seen.path, record, entry.path, record.parent);
    const bool from = IsTold(directories, seen.from, record, entry.from, record.old_parent);
    if (!here && !from) return;
    const std::uint32_t others = record.operations & ~std::uint32_t{kRenamed};
    if (!here) {
      entry.path = std::move(entry.from);
      entry.from.clear();
      record.operations = others | kDeleted;
    } else if (!from && (record.operations & kRenamed) != 0) {
      entry.from.clear();
      record.operations = others | kCreated;
    }
    // Who did it is nobody's business, and a handle opens what a path would not.
    record.pid = 0;
    record.object = {};
    entry.by.reset();
    entries->push_back(std::move(entry));
  }

  const Store& store_;
  const PeriodId begin_;
  const std::vector<Watch> watches_;
  const std::vector<View> views_;
  std::shared_ptr<LogViewer> viewer_;
  std::function<Status()> flush_;
  std::unique_ptr<LogReader> reader_;
  std::unordered_map<std::string, FileHandle> handles_;
  std::vector<PeriodInfo> gaps_;
};

}  // namespace

Result<std::unique_ptr<LogReader>> OpenViewerLog(const Store& store, const LogSource& source,
                                                 std::shared_ptr<LogViewer> viewer,
                                                 std::function<Status()> flush,
                                                 std::unique_ptr<LogReader> reader) {
  return std::unique_ptr<LogReader>(std::make_unique<ViewerLogReader>(
      store, source, std::move(viewer), std::move(flush), std::move(reader)));
}

void HidePlaces(std::vector<LogEntry>* entries) {
  for (LogEntry& entry : *entries) {
    if (!entry.gap) continue;
    entry.gap->gap.volume.clear();
    entry.gap->gap.cause = "changes were missed";
  }
}

}  // namespace cj
