#include "service/log_reader.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "fanotify/directories.h"
#include "journal/classify.h"
#include "journal/fold.h"
#include "journal/log_gaps.h"
#include "journal/record_paths.h"
#include "service/actor_memory.h"
#include "service/time_range.h"
#include "service/viewer_log.h"

namespace cj {
namespace {

std::uint8_t ClassesOf(const Record& record) {
  std::uint8_t classes = 0;
  const std::uint32_t operations = record.operations;
  if ((operations & kEntryOperations) != 0) classes |= kEntryClass;
  if ((operations & (kDataOperations | kIntent)) != 0) classes |= kDataClass;
  if ((operations & kMetadataOperations) != 0) classes |= kMetadataClass;
  // A crawl that has found a directory knows nothing of what is below it.
  if ((operations & kCrawled) != 0) classes |= kEntryClass | kDataClass | kMetadataClass;
  return classes;
}

class StoreLogReader : public LogReader {
 public:
  StoreLogReader(const Store& store, const LogSource& source, const LogQuestion& question,
                 std::unique_ptr<RecordCursor> cursor)
      : store_(store),
        views_(MakeViews(source.watches)),
        paths_(question.paths),
        classes_(question.classes),
        types_(question.types),
        times_{question.from_usec, question.to_usec},
        feed_(question.feed),
        cursor_(std::move(cursor)),
        all_gaps_(Gaps(source, question, {})),
        between_(Untold(source, question), question.reverse),
        viewer_(question.viewer == nullptr ? nullptr : question.viewer->viewer),
        names_actors_(viewer_ == nullptr),
        actors_(store) {}

  Result<bool> Next(std::size_t max, std::vector<LogEntry>* entries) override {
    CJ_ASSIGN_OR_RETURN(auto directories, OpenDirectories(MountsOf(views_)));
    RecordPaths record_paths(store_, views_, *directories);
    // Records that no watch shows are read past, but not for ever: the caller looks in between
    // whether anybody still wants the answer.
    const std::size_t end = entries->size() + max;
    for (std::size_t read = 0; read < max * kReadAhead && entries->size() < end; ++read) {
      LogEntry entry;
      CJ_ASSIGN_OR_RETURN(bool more, cursor_->Next(&entry.record));
      AddGaps(more ? &entry.record : nullptr, entries);
      if (!more) return false;
      last_sequence_ = entry.record.sequence;
      last_period_ = entry.record.period;
      if (!times_.Hold(entry.record.time_usec) || !IsOfClass(entry.record)) continue;
      CJ_ASSIGN_OR_RETURN(auto found, Find(record_paths, entry.record));
      const bool shown = !found.path.empty() || !found.from.empty();
      if (!shown && !(feed_ && found.unwatched)) continue;
      CJ_ASSIGN_OR_RETURN(const bool typed, IsOfType(*directories, entry.record, found));
      if (!typed) continue;
      entry.path = std::move(found.path);
      entry.from = std::move(found.from);
      if (names_actors_) {
        CJ_ASSIGN_OR_RETURN(entry.by, actors_.Find(entry.record));
      }
      entries->push_back(std::move(entry));
    }
    return true;
  }

  SequenceNumber last_sequence() const override { return last_sequence_; }
  PeriodId last_period() const override { return last_period_; }
  const std::vector<PeriodGap>& gaps() const override { return all_gaps_; }

 private:
  static constexpr std::size_t kReadAhead = 16;

  static std::vector<PeriodGap> Gaps(const LogSource& source, const LogQuestion& question,
                                     const std::vector<PeriodGap>& told) {
    const TimeRange times{question.from_usec, question.to_usec};
    auto gaps = GapsForLog(source.gaps, source.range.from, source.range.until, source.watches,
                           question.paths, told, question.feed);
    std::erase_if(gaps, [&](const PeriodGap& each) {
      return !times.Meet(each.gap.from_usec, each.gap.to_usec);
    });
    return gaps;
  }

  // Who goes on behind a record, and does not say what he knows, has been told of what is before.
  static std::vector<PeriodGap> Untold(const LogSource& source, const LogQuestion& question) {
    if (question.after.value != 0 && !question.told) return {};
    return Gaps(source, question, question.told.value_or(std::vector<PeriodGap>()));
  }

  void AddGaps(const Record* record, std::vector<LogEntry>* entries) {
    while (auto gap = between_.TakeBefore(record)) {
      LogEntry entry;
      entry.gap = std::move(gap);
      entries->push_back(std::move(entry));
    }
  }

  struct Found : RecordPaths::Paths {
    bool unwatched = false;  // content of a file, changed under no name that a watch shows
  };

  // Under the name that was used, or, of content, under another one that records know.
  Result<Found> Find(RecordPaths& paths, const Record& record) const {
    auto wanted = [&](const RecordPaths::Paths& found) { return Wanted(record, found); };
    Found found;
    CJ_ASSIGN_OR_RETURN(static_cast<RecordPaths::Paths&>(found), paths.Find(record, wanted));
    const bool content = (record.operations & (kEntryOperations | kDirectory)) == 0;
    const bool hidden = viewer_ != nullptr && content && !IsShown(found.path);
    if (!content || (!hidden && (!feed_ || !found.path.empty()))) return found;
    const Found as_used = found;
    CJ_ASSIGN_OR_RETURN(const auto used, paths.Find(record));
    found.unwatched = used.path.empty();
    if (!found.unwatched && !hidden) return found;
    CJ_ASSIGN_OR_RETURN(const auto names, store_.FindLinkNames(record.volume, record.object));
    Record named = record;
    for (const LinkName& each : names) {
      named.parent = each.parent;
      named.name = each.name;
      CJ_ASSIGN_OR_RETURN(static_cast<RecordPaths::Paths&>(found), paths.Find(named, wanted));
      if (!found.path.empty() && (viewer_ == nullptr || IsShown(found.path))) return found;
    }
    return hidden ? as_used : found;
  }

  bool Wanted(const Record& record, const RecordPaths::Paths& found) const {
    if (paths_.empty()) return true;
    // All that is below a directory comes and goes with it, and a crawl speaks of all of it.
    const bool of_all_below = (record.operations & kDirectory) != 0 &&
                              (record.operations & (kEntryOperations | kCrawled)) != 0;
    auto concerns = [&](const std::string& asked, const std::string& path) {
      if (path.empty()) return false;
      return PathContains(asked, path) || (of_all_below && PathContains(path, asked));
    };
    return std::any_of(paths_.begin(), paths_.end(), [&](const std::string& asked) {
      return concerns(asked, found.path) || concerns(asked, found.from);
    });
  }

  bool IsShown(const std::string& path) const { return !path.empty() && viewer_->Shows(path); }

  bool IsOfClass(const Record& record) const {
    return classes_ == 0 || (classes_ & ClassesOf(record)) != 0;
  }

  // Of what is there now, if that is the object: what is gone may have been anything but a
  // directory, which records tell.
  Result<bool> IsOfType(Directories& directories, const Record& record,
                        const RecordPaths::Paths& found) const {
    if (types_.empty()) return true;
    auto asked = [&](FileType type) {
      return std::find(types_.begin(), types_.end(), type) != types_.end();
    };
    // It speaks of all that is below it, of whatever type.
    const bool of_all_below =
        (record.operations & kDirectory) != 0 && (record.operations & (kCrawled | kRenamed)) != 0;
    if (of_all_below) return true;
    if ((record.operations & kDirectory) != 0) return asked(FileType::kDirectory);
    const bool others = std::any_of(types_.begin(), types_.end(),
                                    [](FileType type) { return type != FileType::kDirectory; });
    if (!others) return false;
    if (found.path.empty()) return true;
    const PathParts parts = SplitPath(found.path);
    auto now = directories.Look(found.view, std::string(parts.directory), std::string(parts.name));
    if (!now.has_value() && IsShortage(now.error())) return std::move(now).error();
    if (!now.has_value() || !now->exists || now->object != record.object) return true;
    return asked(TypeOf(now->mode));
  }

  const Store& store_;
  const std::vector<View> views_;
  const std::vector<std::string> paths_;
  const std::uint8_t classes_;
  const std::vector<FileType> types_;
  const TimeRange times_;
  const bool feed_;
  std::unique_ptr<RecordCursor> cursor_;
  const std::vector<PeriodGap> all_gaps_;
  LogGaps between_;
  const std::shared_ptr<Viewer> viewer_;
  const bool names_actors_;  // who did what is for those who may see everything
  ActorMemory actors_;
  SequenceNumber last_sequence_;
  PeriodId last_period_;
};

}  // namespace

std::size_t BytesOf(const LogEntry& entry) {
  std::size_t bytes = sizeof(LogEntry) + entry.path.size() + entry.from.size();
  bytes += entry.record.name.size() + entry.record.old_name.size();
  if (entry.gap) bytes += entry.gap->gap.volume.size() + entry.gap->gap.cause.size();
  return bytes;
}

Result<std::unique_ptr<LogReader>> OpenLogReader(const Store& store, const LogSource& source,
                                                 const LogQuestion& question) {
  CJ_ASSIGN_OR_RETURN(auto cursor, store.Scan(source.range));
  return std::unique_ptr<LogReader>(
      std::make_unique<StoreLogReader>(store, source, question, std::move(cursor)));
}

}  // namespace cj
