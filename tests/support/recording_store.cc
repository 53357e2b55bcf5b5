#include "tests/support/recording_store.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/check.h"
#include "journal/gaps.h"

namespace cj {
namespace {

constexpr std::chrono::seconds kDeadline(20);

class VectorCursor : public RecordCursor {
 public:
  explicit VectorCursor(std::vector<Record> records) : records_(std::move(records)) {}
  Result<bool> Next(Record* record) override {
    if (next_ == records_.size()) return false;
    *record = records_[next_++];
    return true;
  }

 private:
  std::vector<Record> records_;
  std::size_t next_ = 0;
};

}  // namespace

RecordingStore::RecordingStore() {
  PeriodInfo first;
  first.id = PeriodId(1);
  first.start_usec = 1;
  first.first_sequence = SequenceNumber(1);
  periods_.push_back(first);
}

void RecordingStore::Fail(const std::string& call, int times) {
  MutexLock lock(mutex_);
  failures_[call] = times;
}

void RecordingStore::Block(const std::string& call) {
  MutexLock lock(mutex_);
  block_ = call;
}

void RecordingStore::AwaitBlocked() {
  MutexLock lock(mutex_);
  while (!blocked_) changed_.wait(mutex_);
}

void RecordingStore::Unblock() {
  {
    MutexLock lock(mutex_);
    block_.clear();
  }
  changed_.notify_all();
}

bool RecordingStore::AwaitCalls(const std::string& call, std::size_t times) {
  const auto deadline = std::chrono::steady_clock::now() + kDeadline;
  MutexLock lock(mutex_);
  while (static_cast<std::size_t>(std::count(calls_.begin(), calls_.end(), call)) < times) {
    if (changed_.wait_until(mutex_, deadline) == std::cv_status::timeout) return false;
  }
  return true;
}

Status RecordingStore::Enter(const std::string& call) {
  MutexLock lock(mutex_);
  calls_.push_back(call);
  changed_.notify_all();
  while (block_ == call) {
    blocked_ = true;
    changed_.notify_all();
    changed_.wait(mutex_);
  }
  blocked_ = false;
  if (failures_[call] > 0) {
    --failures_[call];
    return Error{ErrorCode::kLimit, "No space left on device", 28};
  }
  return {};
}

void RecordingStore::Add(const Batch& batch) {
  CJ_CHECK(batch.empty() || batch.period == periods_.back().id, "a batch is of the open period");
  for (const Record& record : batch.records) {
    CJ_CHECK(record.sequence == next_sequence_, "records are numbered without gaps");
    CJ_CHECK(record.period == batch.period, "a batch has records of one period");
    next_sequence_ = next_sequence_.Next();
    records_.push_back(record);
  }
  periods_.back().record_count += batch.records.size();
  link_names_.insert(link_names_.end(), batch.link_names.begin(), batch.link_names.end());
  dead_directories_.insert(dead_directories_.end(), batch.dead_directories.begin(),
                           batch.dead_directories.end());
  if (batch.spool.has_value()) spool_ = *batch.spool;
}

Status RecordingStore::Append(const Batch& batch) {
  CJ_RETURN_IF_ERROR(Enter("append"));
  MutexLock lock(mutex_);
  Add(batch);
  return {};
}

Status RecordingStore::Advance(const Batch& last, const PeriodInfo& sealed,
                               const PeriodInfo& opened) {
  CJ_RETURN_IF_ERROR(Enter("advance"));
  MutexLock lock(mutex_);
  CJ_CHECK(sealed.id == periods_.back().id && opened.id == sealed.id.Next(), "periods follow");
  CJ_CHECK(!sealed.open() && opened.open(), "one is sealed, the other open");
  Add(last);
  CJ_CHECK(sealed.record_count == periods_.back().record_count, "the seal counts its records");
  CJ_CHECK(opened.first_sequence == next_sequence_, "the next period starts with the next record");
  periods_.back() = sealed;
  periods_.push_back(opened);
  durable_ = records_.size();
  return {};
}

Status RecordingStore::Sync() {
  CJ_RETURN_IF_ERROR(Enter("sync"));
  MutexLock lock(mutex_);
  durable_ = records_.size();
  return {};
}

Status RecordingStore::AddGap(const Gap& gap) {
  CJ_RETURN_IF_ERROR(Enter("gap"));
  MutexLock lock(mutex_);
  cj::AddGap(gap, &periods_.back().gaps);
  return {};
}

void RecordingStore::Lose() {
  MutexLock lock(mutex_);
  ++losses_;
}

std::uint64_t RecordingStore::losses() const {
  MutexLock lock(mutex_);
  return losses_;
}

Status RecordingStore::FillGaps(const std::vector<GapFill>& fills, std::uint64_t) {
  CJ_RETURN_IF_ERROR(Enter("fill"));
  MutexLock lock(mutex_);
  for (PeriodInfo& period : periods_) {
    for (const GapFill& fill : fills) {
      if (fill.period == period.id) (void)FillGap(fill, periods_.back().id, &period.gaps);
    }
  }
  crawl_note_.clear();
  return {};
}

Status RecordingStore::KeepCrawlNote(const std::string& note, std::uint64_t) {
  CJ_RETURN_IF_ERROR(Enter("note"));
  MutexLock lock(mutex_);
  crawl_note_ = note;
  return {};
}

Result<std::string> RecordingStore::CrawlNote() const {
  MutexLock lock(mutex_);
  return crawl_note_;
}

Status RecordingStore::KeepWatched(const std::string& text) {
  CJ_RETURN_IF_ERROR(Enter("watched"));
  MutexLock lock(mutex_);
  watched_ = text;
  return {};
}

Result<std::string> RecordingStore::Watched() const {
  MutexLock lock(mutex_);
  return watched_;
}

std::vector<std::string> RecordingStore::calls() const {
  MutexLock lock(mutex_);
  return calls_;
}

std::size_t RecordingStore::CountCalls(const std::string& call) const {
  MutexLock lock(mutex_);
  return static_cast<std::size_t>(std::count(calls_.begin(), calls_.end(), call));
}

std::vector<Record> RecordingStore::records() const {
  MutexLock lock(mutex_);
  return records_;
}

std::vector<LinkName> RecordingStore::link_names() const {
  MutexLock lock(mutex_);
  return link_names_;
}

std::vector<DeadDirectory> RecordingStore::dead_directories() const {
  MutexLock lock(mutex_);
  return dead_directories_;
}

std::size_t RecordingStore::durable() const {
  MutexLock lock(mutex_);
  return durable_;
}

SequenceNumber RecordingStore::next_sequence() const {
  MutexLock lock(mutex_);
  return next_sequence_;
}

SpoolPosition RecordingStore::spool_position() const {
  MutexLock lock(mutex_);
  return spool_;
}

std::vector<PeriodInfo> RecordingStore::Periods() const {
  MutexLock lock(mutex_);
  return periods_;
}

Result<std::unique_ptr<RecordCursor>> RecordingStore::Scan(const ScanRange& range) const {
  if (range.from.value != 0 && range.from < Periods().front().id) {
    return Error{ErrorCode::kRescanNeeded, "the period is no longer kept"};
  }
  std::vector<Record> found;
  for (const Record& record : records()) {
    if (record.period >= range.from && record.period < range.until &&
        record.sequence > range.after) {
      found.push_back(record);
    }
  }
  if (range.reverse) std::reverse(found.begin(), found.end());
  return std::unique_ptr<RecordCursor>(std::make_unique<VectorCursor>(std::move(found)));
}

Result<std::optional<DeadDirectory>> RecordingStore::FindDeadDirectory(
    VolumeId volume, const FileHandle& directory) const {
  for (const DeadDirectory& dead : dead_directories()) {
    if (dead.volume == volume && dead.directory == directory) return std::optional(dead);
  }
  return std::optional<DeadDirectory>();
}

Result<std::vector<LinkName>> RecordingStore::FindLinkNames(VolumeId volume,
                                                            const FileHandle& object) const {
  std::vector<LinkName> found = link_names();
  std::erase_if(
      found, [&](const LinkName& name) { return name.volume != volume || name.object != object; });
  return found;
}

Status RecordingStore::AddLinkNames(const std::vector<LinkName>& names) {
  MutexLock lock(mutex_);
  link_names_.insert(link_names_.end(), names.begin(), names.end());
  return {};
}

Result<VolumeId> RecordingStore::InternVolume(const VolumeIdentity& identity) {
  MutexLock lock(mutex_);
  auto found = std::find(volumes_.begin(), volumes_.end(), identity);
  if (found == volumes_.end()) found = volumes_.insert(found, identity);
  return VolumeId(static_cast<std::uint32_t>(found - volumes_.begin()) + 1);
}

Status RecordingStore::DropPeriodsBefore(PeriodId oldest) {
  MutexLock lock(mutex_);
  std::erase_if(periods_, [&](const PeriodInfo& period) { return period.id < oldest; });
  std::erase_if(records_, [&](const Record& record) { return record.period < oldest; });
  return {};
}

}  // namespace cj
