#include "journal/period_table.h"

#include <algorithm>

#include "base/check.h"

namespace cj {

PeriodTable::PeriodTable(const std::vector<PeriodInfo>& periods) {
  CJ_CHECK(!periods.empty(), "a journal without a period");
  oldest_ = periods.front().id;
  for (const PeriodInfo& period : periods) {
    entries_.emplace_back();
    Set(period);
  }
}

const PeriodTable::Entry& PeriodTable::At(PeriodId id) const {
  CJ_CHECK(Has(id), "a period that is not there");
  return entries_[static_cast<std::size_t>(id.value - oldest_.value)];
}

PeriodInfo PeriodTable::Get(PeriodId id) const {
  const Entry& entry = At(id);
  PeriodInfo period;
  period.id = id;
  period.start_usec = entry.start_usec;
  period.end_usec = entry.end_usec;
  period.first_sequence = entry.first_sequence;
  period.record_count = entry.record_count;
  period.unscanned_usec = entry.unscanned_usec;
  const auto label = labels_.find(id);
  if (label != labels_.end()) period.label = label->second;
  const auto gaps = gaps_.find(id);
  if (gaps != gaps_.end()) period.gaps = gaps->second;
  return period;
}

PeriodId PeriodTable::Of(SequenceNumber sequence) const {
  const auto after = std::upper_bound(
      entries_.begin(), entries_.end(), sequence,
      [](SequenceNumber number, const Entry& entry) { return number < entry.first_sequence; });
  const auto before = static_cast<std::uint64_t>(after - entries_.begin());
  return PeriodId(oldest_.value + (before == 0 ? 0 : before - 1));
}

void PeriodTable::KeepTexts(const PeriodInfo& period) {
  labels_.erase(period.id);
  gaps_.erase(period.id);
  if (!period.label.empty()) labels_[period.id] = period.label;
  if (!period.gaps.empty()) gaps_[period.id] = period.gaps;
}

void PeriodTable::Set(const PeriodInfo& period) {
  CJ_CHECK(Has(period.id), "a period that is not there");
  entries_[static_cast<std::size_t>(period.id.value - oldest_.value)] = {
      period.start_usec, period.end_usec, period.first_sequence, period.record_count,
      period.unscanned_usec};
  KeepTexts(period);
}

void PeriodTable::Add(const PeriodInfo& period) {
  CJ_CHECK(period.id == newest().Next(), "periods follow one another");
  entries_.emplace_back();
  Set(period);
}

std::vector<PeriodInfo> PeriodTable::DropBefore(PeriodId oldest) {
  CJ_CHECK(Has(oldest), "a period that is not there");
  std::vector<PeriodInfo> dropped;
  for (; oldest_ < oldest; oldest_ = oldest_.Next()) {
    dropped.push_back(Get(oldest_));
    entries_.pop_front();
  }
  labels_.erase(labels_.begin(), labels_.lower_bound(oldest));
  gaps_.erase(gaps_.begin(), gaps_.lower_bound(oldest));
  return dropped;
}

void PeriodTable::PutBack(const std::vector<PeriodInfo>& dropped) {
  for (auto period = dropped.rbegin(); period != dropped.rend(); ++period) {
    CJ_CHECK(period->id.Next() == oldest_, "what is put back follows what is there");
    oldest_ = period->id;
    entries_.emplace_front();
    Set(*period);
  }
}

std::vector<PeriodInfo> PeriodTable::All() const {
  std::vector<PeriodInfo> all;
  all.reserve(size());
  for (PeriodId id = oldest_; id <= newest(); id = id.Next()) all.push_back(Get(id));
  return all;
}

std::vector<PeriodInfo> PeriodTable::WithGaps(PeriodId from, PeriodId until) const {
  std::vector<PeriodInfo> found;
  for (auto each = gaps_.lower_bound(from); each != gaps_.end() && each->first < until; ++each) {
    found.push_back(Get(each->first));
  }
  return found;
}

std::vector<PeriodStart> PeriodTable::Starts() const {
  std::vector<PeriodStart> starts;
  starts.reserve(size());
  PeriodId id = oldest_;
  for (const Entry& entry : entries_) {
    starts.push_back({id, entry.start_usec});
    id = id.Next();
  }
  return starts;
}

}  // namespace cj
