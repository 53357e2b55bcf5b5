#include "service/journal_service.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <climits>
#include <cstdio>
#include <cstdlib>

#include "base/text.h"
#include "journal/record_paths.h"
#include "journal/rocks_store.h"
#include "journal/token.h"

namespace cj {
namespace {

std::string Canonical(const std::string& path) {
  char* resolved = ::realpath(path.c_str(), nullptr);
  if (resolved == nullptr) return path;
  std::string result(resolved);
  ::free(resolved);  // NOLINT(cppcoreguidelines-no-malloc): realpath(3) allocates so
  return result;
}

std::uint64_t FreeBytes(const std::string& path) {
  struct statvfs status {};
  if (::statvfs(path.c_str(), &status) != 0) return UINT64_MAX;
  return std::uint64_t{status.f_bavail} * status.f_frsize;
}

class StoreLogReader : public LogReader {
 public:
  StoreLogReader(const Store& store, std::vector<View> views, std::vector<std::string> paths,
                 std::unique_ptr<RecordCursor> cursor)
      : store_(store),
        views_(std::move(views)),
        paths_(std::move(paths)),
        cursor_(std::move(cursor)) {}

  Result<bool> Next(std::size_t max, std::vector<LogEntry>* entries) override {
    CJ_ASSIGN_OR_RETURN(auto directories, OpenDirectories(MountsOf(views_)));
    RecordPaths record_paths(store_, views_, *directories);
    // Records that no watch shows are read past, but not for ever: the caller looks in between
    // whether anybody still wants the answer.
    for (std::size_t read = 0; read < max * kReadAhead && entries->size() < max; ++read) {
      LogEntry entry;
      CJ_ASSIGN_OR_RETURN(bool more, cursor_->Next(&entry.record));
      if (!more) return false;
      last_sequence_ = entry.record.sequence;
      last_period_ = entry.record.period;
      CJ_ASSIGN_OR_RETURN(auto found, record_paths.Find(entry.record));
      if (!Wanted(found)) continue;
      entry.path = std::move(found.path);
      entry.from = std::move(found.from);
      entries->push_back(std::move(entry));
    }
    return true;
  }

  SequenceNumber last_sequence() const override { return last_sequence_; }
  PeriodId last_period() const override { return last_period_; }

 private:
  static constexpr std::size_t kReadAhead = 16;

  bool Wanted(const RecordPaths::Paths& found) const {
    if (found.path.empty() && found.from.empty()) return false;
    if (paths_.empty()) return true;
    return std::any_of(paths_.begin(), paths_.end(), [&](const std::string& asked) {
      return PathContains(asked, found.path) ||
             (!found.from.empty() && PathContains(asked, found.from));
    });
  }

  const Store& store_;
  std::vector<View> views_;
  std::vector<std::string> paths_;
  std::unique_ptr<RecordCursor> cursor_;
  SequenceNumber last_sequence_;
  PeriodId last_period_;
};

}  // namespace

Result<std::unique_ptr<JournalService>> JournalService::Start(const Config& config, Kernel& kernel,
                                                              Clock& clock) {
  std::unique_ptr<JournalService> service(new JournalService(config, clock));
  service->start_usec_ = clock.RealtimeUsec();
  if (config.watches.empty()) {
    return Error{ErrorCode::kInvalidArgument,
                 "nothing to watch: name a tree with --watch=PATH or in a [Watch] section"};
  }
  RocksStoreOptions store_options;
  store_options.clock = &clock;
  CJ_ASSIGN_OR_RETURN(auto store, OpenRocksStore(config.state_directory, store_options));
  service->store_ = std::move(store);
  CJ_RETURN_IF_ERROR(service->FindWatches());
  service->views_ = MakeViews(service->watches_);
  service->scope_ = std::make_unique<DirectoryScope>(service->watches_, OpenDirectories);
  EngineOptions options;
  options.sync_interval_usec = config.sync_interval_usec;
  options.unlimited_queue = !config.queue_limited;
  CJ_ASSIGN_OR_RETURN(service->engine_, StartEngine(kernel, *service->store_, *service->scope_,
                                                    clock, service->Volumes(), options));
  return service;
}

JournalService::~JournalService() {
  if (engine_ != nullptr) (void)engine_->Stop().has_value();
}

Status JournalService::FindWatches() {
  std::string state = Canonical(config_.state_directory);
  for (const WatchConfig& wanted : config_.watches) {
    auto found = FindVolume(wanted.path);
    if (!found.has_value()) {
      return WithContext(std::move(found).error(), "cannot watch " + wanted.path);
    }
    Watch watch;
    watch.volume = std::move(found).value();
    watch.excludes = wanted.excludes;
    CJ_ASSIGN_OR_RETURN(watch.volume.id, store_->InternVolume(watch.volume.identity));
    // The journal must not record its own writing.
    if (PathContains(watch.volume.path, state)) watch.excluded_paths.push_back(state);
    if (state == watch.volume.path) {
      return Error{ErrorCode::kInvalidArgument,
                   "cannot watch " + wanted.path +
                       ": it is the state directory; choose another StateDirectory="};
    }
    watches_.push_back(std::move(watch));
  }
  return {};
}

std::vector<VolumeMount> JournalService::Volumes() const {
  std::vector<VolumeMount> volumes;
  for (const View& view : views_) {
    bool known = std::any_of(volumes.begin(), volumes.end(),
                             [&](const VolumeMount& volume) { return volume.id == view.mount.id; });
    if (!known) volumes.push_back(view.mount);
  }
  return volumes;
}

std::string JournalService::TokenOf(PeriodId period) const {
  return FormatToken({store_->journal_id(), period});
}

std::string JournalService::RescanToken() const { return TokenOf(store_->Periods().back().id); }

Result<std::string> JournalService::Checkpoint(const std::string& label) {
  CJ_ASSIGN_OR_RETURN(CheckpointResult made, engine_->Checkpoint(label));
  return TokenOf(made.opened.id);
}

Result<OpenedAnswer> JournalService::OpenAnswer(const Question& question) {
  JournalId journal = store_->journal_id();
  CJ_ASSIGN_OR_RETURN(PeriodId from, FindPosition(question.since, journal, store_->Periods()));
  AnswerRequest request;
  request.from = from;
  request.paths = question.paths;
  request.classes = question.classes;
  request.presence = question.presence;
  request.expand = question.expand;
  PeriodId next;
  if (question.until.has_value()) {
    CJ_ASSIGN_OR_RETURN(next, FindPosition(*question.until, journal, store_->Periods()));
    if (next < from) {
      return Error{ErrorCode::kInvalidArgument, "`until` lies before `since`"};
    }
    request.until = next;
    request.until_now = false;
  } else if (question.checkpoint) {
    CJ_ASSIGN_OR_RETURN(CheckpointResult made, engine_->Checkpoint(question.label));
    next = made.opened.id;
    request.until = next;
  } else {
    CJ_RETURN_IF_ERROR(engine_->Flush());
    next = store_->Periods().back().id;
    request.until = next.Next();
  }
  Answer::Environment environment;
  environment.store = store_.get();
  environment.watches = watches_;
  environment.open_directories = OpenDirectories;
  environment.flush = [this] { return engine_->Flush(); };
  environment.cancelled = question.cancelled;
  environment.link_memory = &link_memory_;
  CJ_ASSIGN_OR_RETURN(auto answer, Answer::Build(std::move(environment), std::move(request)));
  return OpenedAnswer{std::move(answer), TokenOf(from), TokenOf(next)};
}

Result<std::unique_ptr<LogReader>> JournalService::OpenLog(const LogQuestion& question) {
  JournalId journal = store_->journal_id();
  std::vector<PeriodInfo> periods = store_->Periods();
  ScanRange range;
  range.from = periods.front().id;
  range.until = periods.back().id.Next();
  range.after = question.after;
  range.reverse = question.reverse;
  if (question.since.has_value()) {
    CJ_ASSIGN_OR_RETURN(range.from, FindPosition(*question.since, journal, periods));
  }
  range.from = std::max(range.from, question.from_period);
  if (question.until.has_value()) {
    CJ_ASSIGN_OR_RETURN(range.until, FindPosition(*question.until, journal, periods));
  } else {
    if (question.flush) CJ_RETURN_IF_ERROR(engine_->Flush());
    range.until = store_->Periods().back().id.Next();
  }
  CJ_ASSIGN_OR_RETURN(auto cursor, store_->Scan(range));
  return std::unique_ptr<LogReader>(
      std::make_unique<StoreLogReader>(*store_, views_, question.paths, std::move(cursor)));
}

ServiceStatus JournalService::GetStatus() {
  ServiceStatus status;
  status.journal = FormatToken({store_->journal_id(), PeriodId(1)}).substr(4, 8);
  status.state_directory = config_.state_directory;
  auto usage = store_->DiskUsage();
  status.store_bytes = usage.has_value() ? *usage : 0;
  status.periods = store_->Periods();
  status.next_sequence = store_->next_sequence();
  status.watches = watches_;
  status.volumes = Volumes();
  status.counters = engine_->counters();
  status.start_usec = start_usec_;
  return status;
}

std::vector<Diagnosis> JournalService::Diagnose() {
  std::vector<Diagnosis> all;
  for (Finding& finding : ProbeKernel()) all.push_back({"kernel", std::move(finding)});
  for (const Watch& watch : watches_) {
    for (Finding& finding : ProbeFilesystem(watch.volume.path)) {
      all.push_back({watch.volume.path, std::move(finding)});
    }
  }
  return all;
}

Result<JournalService::Upkeep> JournalService::Maintain(std::int64_t max_age_usec) {
  Upkeep upkeep;
  std::int64_t now = clock_.RealtimeUsec();
  std::vector<PeriodInfo> periods = store_->Periods();
  if (periods.back().record_count > 0 && now - periods.back().start_usec > max_age_usec) {
    CJ_RETURN_IF_ERROR(engine_->Checkpoint(""));
    upkeep.checkpoint_made = true;
  }
  RetentionLimits limits;
  limits.max_use_bytes = config_.max_use.value_or(0);
  limits.max_age_usec = config_.max_age_usec.value_or(0);
  limits.keep_free_bytes = config_.keep_free.value_or(0);
  CJ_ASSIGN_OR_RETURN(upkeep.oldest,
                      ApplyRetention(*store_, limits, FreeBytes(config_.state_directory), now));
  upkeep.dropped = upkeep.oldest > periods.front().id;
  return upkeep;
}

void JournalService::SetAppendListener(std::function<void(SequenceNumber)> listener) {
  engine_->SetAppendListener(std::move(listener));
}

Status JournalService::Stop() { return engine_->Stop(); }

}  // namespace cj
