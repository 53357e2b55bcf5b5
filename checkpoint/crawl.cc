#include "checkpoint/crawl.h"

#include <sys/statvfs.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

namespace cj {
namespace {

CrawlCounts CountsOf(const CrawlCounters& counters) {
  return {counters.directories, counters.entries, counters.changed, counters.unreadable};
}

// What filesystems say they have; the walked part may be less. btrfs does not say.
std::uint64_t ExpectedEntries(const CrawlPlan& plan) {
  std::uint64_t expected = 0;
  std::set<VolumeId> seen;
  for (const CrawlPart& part : plan.parts) {
    const VolumeMount& volume = plan.watches[part.watch].volume;
    struct statvfs status {};
    if (!seen.insert(volume.id).second || ::statvfs(part.path.c_str(), &status) != 0) continue;
    expected += status.f_files - std::min(status.f_files, status.f_ffree);
  }
  return expected;
}

// What an earlier process has finished and this one does not walk again.
std::vector<CrawlNote::Walked> NothingLeft(const CrawlPlan& plan) {
  std::vector<CrawlNote::Walked> walked;
  for (const CrawlPart& part : plan.parts) {
    for (const auto& [directory, since_usec] : part.walked) {
      if (since_usec != kCrawlNothing) continue;
      walked.push_back({static_cast<std::uint32_t>(part.watch), directory});
    }
  }
  return walked;
}

Error FindingsLost() {
  return Error{ErrorCode::kIo, "the journal's disk has lost what the crawl had found", 0};
}

}  // namespace

Crawler::Crawler(Environment environment, const CrawlOptions& options)
    : environment_(std::move(environment)), options_(options) {}

Crawler::~Crawler() { Stop(); }

void Crawler::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Crawler::Stop() {
  cancelled_ = true;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Crawler::Wake() {
  {
    MutexLock lock(mutex_);
    awake_ = true;
  }
  changed_.notify_all();
}

void Crawler::PlacesChanged() {
  {
    MutexLock lock(mutex_);
    ++places_;
    awake_ = true;
    rest_until_usec_ = 0;
  }
  changed_.notify_all();
}

std::uint64_t Crawler::places() const {
  MutexLock lock(mutex_);
  return places_;
}

Result<std::uint64_t> Crawler::Request(Wanted wanted) {
  auto plan = PlanForPaths({}, environment_.watches(), wanted.paths, wanted.since_usec);
  if (!plan) return std::move(plan).error();
  std::uint64_t id = 0;
  {
    MutexLock lock(mutex_);
    if (requests_.size() >= kMaxCrawlRequests) {
      return Error{ErrorCode::kBusy, "too many crawls are waiting; try again later"};
    }
    id = ++last_request_;
    requests_.push_back({id, std::move(wanted)});
  }
  changed_.notify_all();
  return id;
}

std::optional<Crawler::Outcome> Crawler::OutcomeOf(std::uint64_t request) {
  MutexLock lock(mutex_);
  auto found = outcomes_.find(request);
  Outcome lost;
  lost.status = FindingsLost();
  if (found != outcomes_.end()) {
    const bool kept = found->second.losses == environment_.store->losses();
    return kept || !found->second.status ? found->second : lost;
  }
  lost.status = Error{ErrorCode::kCancelled, "the journal is shutting down"};
  if (stopping_) return lost;
  const bool forgotten = !outcomes_.empty() && request < outcomes_.begin()->first;
  if (!forgotten) return std::nullopt;
  lost.status = Error{ErrorCode::kNotFound, "the outcome of this crawl is not known any more"};
  return lost;
}

CrawlStatus Crawler::status() const {
  MutexLock lock(mutex_);
  CrawlStatus status = status_;
  status.counts = CountsOf(counters_);
  return status;
}

std::string Crawler::Obstacle(const PeriodGap& gap) const {
  MutexLock lock(mutex_);
  if (stuck_places_ != places_) return {};
  for (const auto& [stuck, why] : status_.stuck) {
    if (IsSameGap(stuck, gap)) return why;
  }
  return {};
}

void Crawler::Run() {
  Work work;
  while (AwaitWork(&work)) {
    if (work.id == 0) {
      FillGaps();
    } else {
      Serve(work);
    }
    const std::int64_t now_usec = environment_.clock->MonotonicUsec();
    MutexLock lock(mutex_);
    if (status_.running) status_.took_usec = now_usec - begun_usec_;
    status_.running = false;
  }
}

// False: the journal is shutting down.
bool Crawler::AwaitWork(Work* work) {
  MutexLock lock(mutex_);
  for (;;) {
    if (stopping_) return false;
    if (!requests_.empty()) {
      *work = std::move(requests_.front());
      requests_.pop_front();
      return true;
    }
    const std::int64_t rest_usec = rest_until_usec_ - environment_.clock->MonotonicUsec();
    if (awake_ && rest_usec <= 0) {
      awake_ = false;
      *work = Work();
      return true;
    }
    if (awake_) {
      (void)changed_.wait_for(mutex_, std::chrono::microseconds(rest_usec));
    } else {
      changed_.wait(mutex_);
    }
  }
}

CrawlNote Crawler::ReadNote() const {
  auto text = environment_.store->CrawlNote();
  if (!text) return {};
  auto note = DecodeCrawlNote(*text);
  return note ? std::move(*note) : CrawlNote();  // without it more is walked, and nothing is lost
}

std::vector<PeriodInfo> Crawler::WithGaps() const {
  return environment_.store->PeriodsWithGaps(PeriodId(), kNoPeriod);
}

void Crawler::FillGaps() {
  const std::int64_t begin_usec = environment_.clock->MonotonicUsec();
  places_looked_at_ = places();
  losses_ = environment_.store->losses();
  // The periods first: a gap that comes with other watches must not be filled from the old ones.
  const std::vector<PeriodInfo> periods = WithGaps();
  CrawlPlan plan =
      PlanForGaps(periods, environment_.watches(), ReadNote(), {}, options_.margin_usec);
  Reasons reasons;
  std::vector<bool> present;
  for (std::size_t i = 0; i < plan.parts.size(); ++i) {
    Status there = CheckPresent(plan.watches[plan.parts[i].watch]);
    if (!there) reasons[i] = there.error().message;
    present.push_back(there.has_value());
  }
  if (FillsOf(plan, present, options_.margin_usec).empty()) return SetStuck(plan, reasons);
  SetStuck({}, {});
  Status filled = Execute(plan, true, &reasons);
  if (!filled) {
    for (std::size_t i = 0; i < plan.parts.size(); ++i) {
      reasons.emplace(i, filled.error().message);
    }
  }
  const std::int64_t took_usec = environment_.clock->MonotonicUsec() - begin_usec;
  CrawlPlan rest = PlanForGaps(WithGaps(), environment_.watches(), {}, {}, options_.margin_usec);
  if (!reasons.empty()) SetStuck(rest, reasons);
  MutexLock lock(mutex_);
  if (filled) ++status_.crawls;
  if (rest.gaps.empty()) return;
  // What came meanwhile, or could not be done.
  awake_ = true;
  rest_until_usec_ = environment_.clock->MonotonicUsec() + std::min(took_usec, kCrawlRetryUsec);
}

void Crawler::SetStuck(const CrawlPlan& plan, const Reasons& reasons) {
  std::string why;
  for (const auto& [part, reason] : reasons) {
    if (why.find(reason) == std::string::npos) why += (why.empty() ? "" : "; ") + reason;
  }
  MutexLock lock(mutex_);
  stuck_places_ = places_looked_at_;
  status_.stuck.clear();
  for (const PeriodGap& gap : plan.gaps) status_.stuck.emplace_back(gap, why);
}

void Crawler::Serve(const Work& work) {
  Outcome outcome;
  losses_ = outcome.losses = environment_.store->losses();
  outcome.first = environment_.store->OpenPeriod().id;
  auto plan = PlanForPaths(WithGaps(), environment_.watches(), work.wanted.paths,
                           work.wanted.since_usec, work.wanted.to_all, options_.margin_usec);
  Reasons reasons;
  outcome.status = plan ? Execute(*plan, false, &reasons) : Status(plan.error());
  if (outcome.status && !reasons.empty()) {
    outcome.status = Error{ErrorCode::kNotFound, reasons.begin()->second};
  }
  outcome.counts = CountsOf(counters_);
  outcome.last = environment_.store->OpenPeriod().id;
  MutexLock lock(mutex_);
  if (outcome.status) ++status_.crawls;
  outcomes_[work.id] = std::move(outcome);
  if (outcomes_.size() > kMaxCrawlOutcomes) outcomes_.erase(outcomes_.begin());
}

void Crawler::Begin(const CrawlPlan& plan) {
  counters_.directories = 0;
  counters_.entries = 0;
  counters_.changed = 0;
  counters_.unreadable = 0;
  const std::uint64_t expected = ExpectedEntries(plan);
  begun_usec_ = environment_.clock->MonotonicUsec();
  MutexLock lock(mutex_);
  status_.running = true;
  status_.start_usec = environment_.clock->RealtimeUsec();
  status_.expected = expected;
  status_.paths.clear();
  for (const CrawlPart& part : plan.parts) status_.paths.push_back(part.path);
}

// An error ends it; parts that are not there are left out, with a reason.
Status Crawler::Execute(const CrawlPlan& planned, bool for_gaps, Reasons* reasons) {
  CrawlPlan plan = planned;
  Begin(plan);
  // From here on the writer has acted on the losses that made these gaps: what changes behind the
  // walk is neither dropped as a repeat of what was lost nor ignored by the kernel.
  CJ_RETURN_IF_ERROR(Hand({}));
  CrawlNote note;
  // A crawl that somebody asked for fills the gaps that there are as well.
  if (!plan.gaps.empty()) CJ_RETURN_IF_ERROR(StoreEcho(&plan));
  if (for_gaps) {
    note.watched = WatchedHash(plan.watches);
    note.gaps = plan.gaps;
    note.walked = NothingLeft(plan);
  }
  std::vector<bool> walked;
  for (std::size_t i = 0; i < plan.parts.size(); ++i) {
    Status status = Walk(plan, plan.parts[i], for_gaps ? &note : nullptr);
    walked.push_back(status.has_value());
    if (status) continue;
    if (status.error().code != ErrorCode::kNotFound) return status;
    (*reasons)[i] = status.error().message;
  }
  CrawlBatch last;
  last.fills = FillsOf(plan, walked, options_.margin_usec);
  last.complete = for_gaps || !last.fills.empty();
  return Hand(std::move(last));
}

Status Crawler::Hand(CrawlBatch batch) {
  batch.losses = losses_;
  CJ_RETURN_IF_ERROR(environment_.record(std::move(batch)));
  if (environment_.store->losses() == losses_) return {};
  return FindingsLost();
}

Status Crawler::Walk(const CrawlPlan& plan, const CrawlPart& part, CrawlNote* note) {
  auto sink = [&](WalkFound found) -> Status {
    CrawlBatch batch;
    batch.found = std::move(found.records);
    if (note != nullptr && !found.finished.empty()) {
      for (FileHandle& directory : found.finished) {
        if (note->walked.size() >= kMaxNotedDirectories) break;
        note->walked.push_back({static_cast<std::uint32_t>(part.watch), std::move(directory)});
      }
      batch.note = EncodeCrawlNote(*note);
    }
    if (batch.found.empty() && !batch.note) return {};
    return Hand(std::move(batch));
  };
  return WalkPart(plan.watches[part.watch], part, options_.limits, *environment_.clock, cancelled_,
                  counters_, sink);
}

// Before the walk: what it finds counts either way.
Status Crawler::StoreEcho(CrawlPlan* plan) {
  CrawlEcho echo;
  for (const PeriodGap& open : plan->gaps) {
    CJ_ASSIGN_OR_RETURN(const bool room, ReadEcho(open, &echo));
    if (room) continue;
    for (CrawlPart& part : plan->parts) {
      part.since_usec = kCrawlEverything;
      part.walked.clear();
    }
    return {};
  }
  CrawlBatch batch;
  batch.found = echo.Take();
  for (Record& record : batch.found) record.time_usec = environment_.clock->RealtimeUsec();
  return batch.found.empty() ? Status() : Hand(std::move(batch));
}

// What was recorded within the margin before the gap, in earlier periods: an interval that has the
// gap has all records of the gap's own period. Of content and attributes a period has only the
// first change on record, and the last may have been as late as its end. Of the period just before,
// also whatever had a writer that sends no events when it ended: it may go on without changing a
// time (crawl_plan.h).
Result<bool> Crawler::ReadEcho(const PeriodGap& open, CrawlEcho* echo) const {
  const std::int64_t since_usec = SinceOf(open.gap, options_.margin_usec);
  CJ_ASSIGN_OR_RETURN(auto cursor, environment_.store->Scan({PeriodId(0), open.period,
                                                             SequenceNumber(), /*reverse=*/true}));
  const std::vector<PeriodInfo> periods = environment_.store->Periods();
  // What was recorded before the oldest period, and has been dropped, is not known any more.
  const PeriodInfo& oldest = periods.front();
  const bool dropped = oldest.first_sequence != SequenceNumber(1);
  if (dropped && oldest.start_usec > since_usec && oldest.id < open.period) return false;
  std::set<PeriodId> ended_late;
  for (const PeriodInfo& period : periods) {
    if (period.open() || period.end_usec >= since_usec) ended_late.insert(period.id);
  }
  Record record;
  for (;;) {
    if (cancelled_) return Error{ErrorCode::kCancelled, "the crawl was broken off"};
    Result<bool> next = cursor->Next(&record);
    if (!next && next.error().code == ErrorCode::kRescanNeeded) return false;  // lost with a disk
    CJ_ASSIGN_OR_RETURN(const bool more, std::move(next));
    if (!more) return true;
    const bool may_be_late = ended_late.count(record.period) != 0;
    if (!may_be_late && record.period.Next() != open.period) return true;
    const bool late = record.time_usec >= since_usec;
    const bool silent = (record.operations & kSilent) != 0;
    const bool stands_for_more = (record.operations & (kDataOperations | kMetadataOperations)) != 0;
    if ((late || silent) && !echo->Add(record)) return false;
    if (may_be_late && stands_for_more && !echo->AddContent(record)) return false;
  }
}

}  // namespace cj
