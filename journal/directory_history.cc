#include "journal/directory_history.h"

#include <algorithm>
#include <cstdint>

namespace cj {
namespace {

constexpr std::uint64_t kCancelInterval = 4096;

std::string KeyOf(VolumeId volume, const FileHandle& directory) {
  return std::to_string(volume.value) + " " + directory.encoded;
}

}  // namespace

Status DirectoryHistory::CatchUp(const Store& store, PeriodId begin,
                                 const std::function<bool()>& cancelled) {
  ScanRange range;
  range.from = std::max({begin, period_, store.OldestPeriod().id});
  range.until = store.OpenPeriod().id.Next();
  range.after = sequence_;
  CJ_ASSIGN_OR_RETURN(auto cursor, store.Scan(range));
  Record record;
  for (std::uint64_t read = 1;; ++read) {
    CJ_ASSIGN_OR_RETURN(const bool more, cursor->Next(&record));
    if (!more) return {};
    Add(record);
    period_ = record.period;
    sequence_ = record.sequence;
    if (read % kCancelInterval == 0 && cancelled && cancelled()) {
      return Error{ErrorCode::kCancelled, "the question was withdrawn"};
    }
  }
}

void DirectoryHistory::Add(const Record& record) {
  const bool concerns = (record.operations & (kAttributes | kRenamed | kReplaced | kCrawled)) != 0;
  if ((record.operations & kDirectory) == 0 || !concerns) return;
  if (last_.size() >= kMaxDirectories) lost_count_ = true;
  const FileHandle& directory = record.name == "." ? record.parent : record.object;
  if (!lost_count_) last_[KeyOf(record.volume, directory)] = record.period;
}

bool DirectoryHistory::ChangedSince(VolumeId volume, const FileHandle& directory,
                                    PeriodId period) const {
  if (lost_count_ || directory.empty()) return true;
  const auto found = last_.find(KeyOf(volume, directory));
  return found != last_.end() && period <= found->second;
}

}  // namespace cj
