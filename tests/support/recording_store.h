// A store in memory that writes down the order of calls, and fails or blocks on demand. It checks
// what callers owe a store (store.h) and aborts when they do not keep it. Any thread.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/thread_annotations.h"
#include "journal/store.h"

namespace cj {

class RecordingStore : public Store {
 public:
  // What store.cc does on creation: period 1 is open and empty.
  RecordingStore();

  // The next `times` calls of this name fail ("append", "advance", "sync", "gap").
  void Fail(const std::string& call, int times) EXCLUDES(mutex_);
  static constexpr int kForever = 1'000'000'000;
  // The next call of this name waits until Unblock().
  void Block(const std::string& call) EXCLUDES(mutex_);
  void AwaitBlocked() EXCLUDES(mutex_);
  void Unblock() EXCLUDES(mutex_);
  // Waits until `call` has been tried `times` times in all; false after a generous deadline.
  bool AwaitCalls(const std::string& call, std::size_t times) EXCLUDES(mutex_);

  // As if a disk had taken records along.
  void Lose() EXCLUDES(mutex_);
  std::uint64_t losses() const override EXCLUDES(mutex_);

  std::vector<std::string> calls() const EXCLUDES(mutex_);
  std::size_t CountCalls(const std::string& call) const EXCLUDES(mutex_);
  std::vector<Record> records() const EXCLUDES(mutex_);
  std::vector<LinkName> link_names() const EXCLUDES(mutex_);
  std::vector<DeadDirectory> dead_directories() const EXCLUDES(mutex_);
  // Records that would survive power loss.
  std::size_t durable() const EXCLUDES(mutex_);

  Status Append(const Batch& batch) override;
  Status Advance(const Batch& last, const PeriodInfo& sealed, const PeriodInfo& opened) override;
  Status Sync() override;
  Status AddGap(const Gap& gap) override;
  Status FillGaps(const std::vector<GapFill>& fills, std::uint64_t losses) override
      EXCLUDES(mutex_);
  Status KeepCrawlNote(const std::string& note, std::uint64_t losses) override EXCLUDES(mutex_);
  Result<std::string> CrawlNote() const override EXCLUDES(mutex_);
  Status KeepWatched(const std::string& text) override EXCLUDES(mutex_);
  Result<std::string> Watched() const override EXCLUDES(mutex_);
  JournalId journal_id() const override { return JournalId(0xc0ffee); }
  SequenceNumber next_sequence() const override EXCLUDES(mutex_);
  SpoolPosition spool_position() const override EXCLUDES(mutex_);
  std::vector<PeriodInfo> Periods() const override EXCLUDES(mutex_);
  Result<std::unique_ptr<RecordCursor>> Scan(const ScanRange& range) const override;
  Result<std::optional<DeadDirectory>> FindDeadDirectory(
      VolumeId volume, const FileHandle& directory) const override;
  Result<std::vector<LinkName>> FindLinkNames(VolumeId volume,
                                              const FileHandle& object) const override;
  Status AddLinkNames(const std::vector<LinkName>& names) override;
  Result<VolumeId> InternVolume(const VolumeIdentity& identity) override;
  Result<bool> RollUp(const std::function<bool()>&) override { return false; }
  Status DropPeriodsBefore(PeriodId oldest) override;
  std::uint64_t ApproximateSize(PeriodId, PeriodId) const override { return 0; }
  Result<std::uint64_t> DiskUsage() const override { return std::uint64_t{0}; }

 private:
  Status Enter(const std::string& call) EXCLUDES(mutex_);
  void Add(const Batch& batch) REQUIRES(mutex_);

  mutable Mutex mutex_;
  ConditionVariable changed_;
  std::vector<std::string> calls_ GUARDED_BY(mutex_);
  std::map<std::string, int> failures_ GUARDED_BY(mutex_);
  std::string block_ GUARDED_BY(mutex_);
  bool blocked_ GUARDED_BY(mutex_) = false;
  std::vector<Record> records_ GUARDED_BY(mutex_);
  std::vector<LinkName> link_names_ GUARDED_BY(mutex_);
  std::vector<DeadDirectory> dead_directories_ GUARDED_BY(mutex_);
  std::vector<PeriodInfo> periods_ GUARDED_BY(mutex_);
  std::vector<VolumeIdentity> volumes_ GUARDED_BY(mutex_);
  SequenceNumber next_sequence_ GUARDED_BY(mutex_) = SequenceNumber(1);
  SpoolPosition spool_ GUARDED_BY(mutex_);
  std::string crawl_note_ GUARDED_BY(mutex_);
  std::string watched_ GUARDED_BY(mutex_);
  std::size_t durable_ GUARDED_BY(mutex_) = 0;
  std::uint64_t losses_ GUARDED_BY(mutex_) = 0;
};

}  // namespace cj
