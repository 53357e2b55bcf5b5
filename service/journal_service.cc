#include "service/journal_service.h"

#include <sys/resource.h>

#include <algorithm>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "base/text.h"
#include "journal/gaps.h"
#include "journal/rocks_store.h"
#include "journal/state_directory.h"
#include "journal/token.h"
#include "service/awaited_mounts.h"
#include "service/consumer_volumes.h"
#include "service/strict_watches.h"
#include "service/time_range.h"
#include "service/viewer_log.h"

namespace cj {
namespace {

constexpr std::int64_t kAttributionDrainUsec = 1000;
// The clock of the change times that filesystems give.
std::int64_t CoarseRealtimeNsec() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return now.tv_sec * std::int64_t{1'000'000'000} + now.tv_nsec;
}

std::uint64_t DescriptorLimit() {
  rlimit limit{};
  return ::getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

// What the kernel or a filesystem cannot do now it cannot do at the next start either: then the
// configuration is at fault. But another filesystem may be on its way to the path.
Error NotThisTime(Error error, const Binding& binding) {
  if (error.code != ErrorCode::kUnsupported) return error;
  const std::string awaited = AwaitedMount(binding);
  if (awaited.empty()) {
    error.code = ErrorCode::kInvalidArgument;
  } else {
    error.message += "; or mount what /etc/fstab has for " + awaited;
  }
  return error;
}

}  // namespace

Result<std::unique_ptr<JournalService>> JournalService::Start(const Config& config, Kernel& kernel,
                                                              Clock& clock, Legacy legacy) {
  std::unique_ptr<JournalService> service(new JournalService(config, clock));
  service->start_usec_ = clock.RealtimeUsec();
  service->start_monotonic_usec_ = clock.MonotonicUsec();
  service->rates_.Note({service->start_monotonic_usec_, 0, 0});
  if (config.watches.empty()) {
    return Error{ErrorCode::kInvalidArgument, kNothingToWatch};
  }
  RocksStoreOptions store_options;
  store_options.clock = &clock;
  CJ_ASSIGN_OR_RETURN(auto store, OpenRocksStore(config.state_directory, store_options));
  service->store_ = std::move(store);
  CJ_ASSIGN_OR_RETURN(service->object_ids_, ObjectIds::Open(config.state_directory));
  service->consumers_ = std::make_unique<Consumers>(*service->store_, clock);
  service->binder_ = std::make_unique<WatchBinder>(service->config_, *service->store_);
  CJ_RETURN_IF_ERROR(service->binder_->Start());
  const auto binding = service->binder_->binding();
  service->scope_ =
      std::make_unique<DirectoryScope>(binding->watches, OpenDirectories, &service->link_memory_);
  EngineOptions options;
  options.sync_interval_usec = config.sync_interval_usec;
  options.unlimited_queue = !config.queue_limited;
  options.keeper = legacy.keeper;
  options.watched = binding->text;
  if (config.attribution) {
    service->processes_ = std::make_unique<ProcProcesses>();
    // Most programs that change a file end within a millisecond after that. Without any pause one
    // that changes many would have each event read by itself.
    options.reader.drain_interval_usec = kAttributionDrainUsec;
    options.reader.at_once = true;
  }
  options.processes = service->processes_.get();
  options.watches = service->binder_.get();
  service->strict_scope_ =
      std::make_unique<DirectoryScope>(binding->strict_watches, OpenDirectories);
  options.strict = StrictOptionsOf(*binding, config.watches);
  if (options.strict.wanted) CJ_RETURN_IF_ERROR(CheckDescriptors(DescriptorLimit()));
  options.strict.scope = service->strict_scope_.get();
  auto engine = StartEngine(kernel, *service->store_, *service->scope_, clock, binding->volumes,
                            options, std::move(legacy.kept));
  if (!engine) return NotThisTime(std::move(engine).error(), *binding);
  service->engine_ = *std::move(engine);
  service->StartCrawler();
  return service;
}

JournalService::~JournalService() {
  if (engine_ != nullptr) (void)Stop().has_value();
}

std::string JournalService::TokenOf(PeriodId period) const {
  return FormatToken({store_->journal_id(), period});
}

// A start that inherits nothing seals a period, unless that is the first of all.
PeriodId JournalService::PeriodsOfThisStart() const {
  const PeriodId open = store_->OpenPeriod().id;
  const bool sealed = !engine_start().inherited && store_->OldestPeriod().id < open;
  return sealed ? PeriodId(open.value - 1) : open;
}

std::string JournalService::RescanToken() const { return TokenOf(store_->OpenPeriod().id); }

// When that fails the token is as good as before, and `status` says why.
void JournalService::BeginRescan() {
  (void)engine_->Flush().has_value();
  EndGap();
}

// A tree that was away for a moment in between leaves a gap in the period that is open now.
Result<JournalService::Started> JournalService::Checkpoint(const std::string& label) {
  const auto before = binder_->binding();
  CJ_ASSIGN_OR_RETURN(CheckpointResult made, engine_->Checkpoint(label));
  const auto after = binder_->binding();
  Started started = {TokenOf(made.opened.id), {}};
  for (std::size_t i = 0; i < after->watches.size(); ++i) {
    const Watch& was = before->watches.at(i);
    const Watch& is = after->watches.at(i);
    if (!is.absent.empty() || !was.absent.empty()) {
      started.absent.push_back(is.absent.empty() ? was : is);
    }
  }
  return started;
}

Result<JournalService::Started> JournalService::AddConsumer(const NewConsumer& request) {
  Started added;
  auto begin = [&]() -> Result<PeriodId> {
    CJ_ASSIGN_OR_RETURN(added, Checkpoint("consumer " + request.name));
    CJ_ASSIGN_OR_RETURN(const Token token, ParseToken(added.token));
    return token.period;
  };
  CJ_ASSIGN_OR_RETURN(const Consumer consumer, consumers_->Add(request, begin));
  added.token = TokenOf(consumer.period);
  return added;
}

Result<JournalService::ReaderPlace> JournalService::Resolve(const ReadingPosition& reader) const {
  ReaderPlace place;
  if (!reader.consumer.has_value()) {
    if (reader.place.token || reader.place.time_usec) place.since = reader.place;
    return place;
  }
  CJ_ASSIGN_OR_RETURN(const Consumer consumer, consumers_->Resolve(reader));
  place.since = Position{TokenOf(consumer.period), std::nullopt};
  place.paths = consumer.paths;
  place.handled = consumer.handled;
  return place;
}

// A viewer changes nothing: neither do his questions end periods when they are refused.
Result<OpenedAnswer> JournalService::OpenAnswer(const Question& question) {
  AnswerRequest request;
  const bool all_told = question.viewer == nullptr;
  const std::int64_t asked_nsec = CoarseRealtimeNsec();
  auto start = FindStart(question, &request);
  const bool refused = !start.has_value() && start.error().code == ErrorCode::kRescanNeeded;
  const bool begins = all_told && !question.inspects;
  if (refused && begins) BeginRescan();
  CJ_ASSIGN_OR_RETURN(const PeriodId from, std::move(start));
  request.from = from;
  request.paths = question.paths;
  request.classes = question.classes;
  request.presence = question.presence;
  request.expand = question.expand;
  request.list = question.list;
  request.known_first = question.known_first;
  PeriodId next;
  if (question.until.has_value()) {
    CJ_ASSIGN_OR_RETURN(next, FindPosition(*question.until, End::kUntil, *store_));
    if (next < from) {
      return Error{ErrorCode::kInvalidArgument, "`until` lies before `since`"};
    }
    request.until = next;
    request.until_now = false;
  } else if (question.checkpoint && (all_told || TakeViewerCheckpoint())) {
    CJ_ASSIGN_OR_RETURN(CheckpointResult made, engine_->Checkpoint(question.label));
    next = made.opened.id;
    request.until = next;
  } else {
    CJ_RETURN_IF_ERROR(engine_->Flush());
    next = store_->OpenPeriod().id;
    request.until = next.Next();
  }
  Answer::Environment environment;
  environment.store = store_.get();
  environment.watches = WatchesOf(question.viewer.get(), &environment.barred);
  const auto known = KnownParts(question.paths, question.viewer.get());
  const bool excludes = MayExcludeBelow(known, environment.watches);
  environment.viewer = question.viewer;
  environment.asked_nsec = asked_nsec;
  environment.open_directories = OpenDirectories;
  environment.drain = [this] { return engine_->Drain(); };
  environment.cancelled = question.cancelled;
  // What is found in the watches that a viewer knows of says nothing to others.
  environment.link_memory = all_told ? &link_memory_ : nullptr;
  environment.settled_files = &settled_files_;
  environment.helped = &answer_helped_;
  environment.limits = answer_limits_;
  if (!all_told) environment.limits.max_names = answer_limits_.max_names_of_viewer;
  auto answer = Answer::Build(std::move(environment), std::move(request));
  if (!answer.has_value() && answer.error().code == ErrorCode::kRescanNeeded && all_told) {
    if (begins) BeginRescan();
    return WithObstacle(question, from, std::move(answer).error());
  }
  CJ_RETURN_IF_ERROR(answer.has_value() ? Status() : Status(answer.error()));
  return OpenedAnswer{std::move(answer).value(), TokenOf(from), TokenOf(next), excludes};
}

// Whoever is refused because of a gap in the open period goes on from a period without it.
void JournalService::EndGap() {
  const std::vector<Gap> gaps = store_->OpenPeriod().gaps;
  const auto binding = binder_->binding();
  // A tree that is still not there would be a gap of the next period, too.
  const bool none_ends = std::all_of(gaps.begin(), gaps.end(), [&](const Gap& gap) {
    return std::any_of(binding->watches.begin(), binding->watches.end(), [&](const Watch& watch) {
      return !watch.absent.empty() && IsGapOf(gap, watch);
    });
  });
  if (none_ends) return;
  // When it fails the storage does: then `status` says so, and the next one who asks tries again.
  (void)engine_->Checkpoint("").has_value();
}

Result<std::unique_ptr<LogReader>> JournalService::OpenLog(const LogQuestion& question) {
  LogSource source;
  ScanRange& range = source.range;
  range.from = store_->OldestPeriod().id;
  range.after = question.after;
  range.reverse = question.reverse;
  if (question.since.has_value()) {
    CJ_ASSIGN_OR_RETURN(range.from, FindPosition(*question.since, End::kSince, *store_));
  }
  range.from = std::max(range.from, question.from_period);
  if (question.until.has_value()) {
    CJ_ASSIGN_OR_RETURN(range.until, FindPosition(*question.until, End::kUntil, *store_));
  } else {
    if (question.flush) CJ_RETURN_IF_ERROR(engine_->Flush());
    range.until = store_->OpenPeriod().id.Next();
  }
  TimeRange{question.from_usec, question.to_usec}.Narrow(store_->PeriodStarts(), &range);
  source.gaps = store_->PeriodsWithGaps(range.from, range.until);
  Viewer* viewer = question.viewer == nullptr ? nullptr : question.viewer->viewer.get();
  source.watches = WatchesOf(viewer);
  if (!question.shown_at.empty()) {
    std::stable_partition(source.watches.begin(), source.watches.end(),
                          [&](const Watch& watch) { return IsAsked(watch, {question.shown_at}); });
  }
  CJ_ASSIGN_OR_RETURN(auto reader, OpenLogReader(*store_, source, question));
  if (viewer == nullptr) return reader;
  auto flush = [this] { return engine_->Flush(); };
  return OpenViewerLog(*store_, source, question.viewer, flush, std::move(reader));
}

ServiceStatus JournalService::GetStatus() {
  ServiceStatus status;
  status.journal = FormatToken({store_->journal_id(), PeriodId(1)}).substr(4, 8);
  status.state_directory = config_.state_directory;
  auto usage = store_->DiskUsage();
  status.store_bytes = usage.has_value() ? *usage : 0;
  status.periods = store_->Periods();
  status.next_sequence = store_->next_sequence();
  const auto binding = binder_->binding();
  status.watches = binding->watches;
  status.settings = config_.watches;
  status.volumes = binding->volumes;
  status.counters = engine_->counters();
  status.start = engine_->start();
  status.start_usec = start_usec_;
  const SpoolUse& spool = status.counters.spool;
  if (spool.oldest_usec != 0) {
    status.lag_usec = std::max<std::int64_t>(clock_.RealtimeUsec() - spool.oldest_usec, 0);
  }
  const std::int64_t monotonic_usec = clock_.MonotonicUsec();
  status.uptime_usec = monotonic_usec - start_monotonic_usec_;
  status.rates =
      rates_.Since({monotonic_usec, status.counters.events_read, status.counters.records_stored});
  status.crawl = crawler_->status();
  status.consumers = consumers_->List();
  return status;
}

std::vector<Diagnosis> JournalService::Diagnose() {
  std::vector<Diagnosis> all;
  for (Finding& finding : ProbeKernel()) all.push_back({"kernel", std::move(finding)});
  for (const Watch& watch : binder_->binding()->watches) {
    if (!watch.absent.empty()) continue;  // `status` tells
    for (Finding& finding : ProbeFilesystem(watch.volume.path)) {
      all.push_back({watch.volume.path, std::move(finding)});
    }
  }
  return all;
}

std::uint64_t JournalService::MaxUse() const {
  if (config_.max_use) return *config_.max_use;
  // A filesystem that cannot be asked is no reason to drop anything.
  const auto bytes = FilesystemBytes(config_.state_directory);
  return bytes ? DefaultMaxUse(*bytes) : 0;
}

JournalService::Upkeep JournalService::Maintain(std::int64_t max_age_usec) {
  Upkeep upkeep;
  const EngineCounters counters = engine_->counters();
  rates_.Note({clock_.MonotonicUsec(), counters.events_read, counters.records_stored});
  const auto binding = binder_->binding();
  const bool some_absent = std::any_of(binding->watches.begin(), binding->watches.end(),
                                       [](const Watch& watch) { return !watch.absent.empty(); });
  // A directory that is made tells nobody, as a mount does.
  Status looked;
  if (some_absent || engine_->LookIsDue()) looked = engine_->Flush();
  crawler_->Wake();
  std::int64_t now = clock_.RealtimeUsec();
  const PeriodId oldest = store_->OldestPeriod().id;
  const PeriodInfo open = store_->OpenPeriod();
  if (open.record_count > 0 && now - open.start_usec > max_age_usec) {
    auto made = engine_->Checkpoint("");
    upkeep.checkpoint_made = made.has_value();
    if (!made.has_value()) {
      upkeep.status = std::move(made).error();
      return upkeep;
    }
  }
  RetentionLimits limits;
  limits.max_use_bytes = MaxUse();
  limits.max_age_usec = config_.max_age_usec.value_or(0);
  limits.keep_free_bytes = config_.keep_free.value_or(0);
  const std::uint64_t free_bytes = FreeBytes(config_.state_directory).value_or(UINT64_MAX);
  limits.keep_acknowledged_usec = config_.keep_acknowledged_usec;
  auto volumes_of = [&](const Consumer& consumer) { return VolumesOfConsumer(consumer, *binding); };
  Retained retained = ApplyRetention(*store_, limits, free_bytes, now, volumes_of);
  upkeep.oldest = retained.oldest;
  upkeep.dropped = upkeep.oldest > oldest;
  upkeep.expired = std::move(retained.expired);
  upkeep.status = std::move(retained.status);
  if (upkeep.status.has_value()) upkeep.status = std::move(looked);  // the rest did not wait for it
  return upkeep;
}

Status JournalService::RollUp() {
  for (bool more = true; more;) {
    CJ_ASSIGN_OR_RETURN(more, store_->RollUp({}));
  }
  return {};
}

void JournalService::SetAppendListener(std::function<void(SequenceNumber)> listener) {
  engine_->SetAppendListener(std::move(listener));
}

Status JournalService::Stop() {
  if (crawler_ != nullptr) crawler_->Stop();
  return engine_->Stop();
}

}  // namespace cj
