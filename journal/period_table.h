// The periods of a journal in memory: some 50 bytes each, and their labels and gaps where they have
// any. A journal may have hundreds of thousands of them, and most who ask want to know of one, or
// of the few that have gaps. Pure; not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "journal/record.h"

namespace cj {

// What a time is compared with.
struct PeriodStart {
  PeriodId id;
  std::int64_t start_usec = 0;
};

class PeriodTable {
 public:
  // At least one, oldest first, numbered without gaps.
  explicit PeriodTable(const std::vector<PeriodInfo>& periods);

  std::size_t size() const { return entries_.size(); }
  PeriodId oldest() const { return oldest_; }
  PeriodId newest() const { return PeriodId(oldest_.value + entries_.size() - 1); }
  bool Has(PeriodId id) const { return id >= oldest_ && id <= newest(); }
  // Of one that is there.
  PeriodInfo Get(PeriodId id) const;
  // The one that has, or will have, the record with this number: the last that begins at or before
  // it.
  PeriodId Of(SequenceNumber sequence) const;
  bool HasGaps(PeriodId id) const { return gaps_.count(id) != 0; }
  // What begins behind the newest.
  void Add(const PeriodInfo& period);
  // Takes the place of the one with its number, which is there.
  void Set(const PeriodInfo& period);
  // Those before `oldest`, which is there, are returned and not there any more.
  std::vector<PeriodInfo> DropBefore(PeriodId oldest);
  // What DropBefore() returned.
  void PutBack(const std::vector<PeriodInfo>& dropped);

  std::vector<PeriodInfo> All() const;
  // Of [from, until); both may lie beyond what is there.
  std::vector<PeriodInfo> WithGaps(PeriodId from, PeriodId until) const;
  std::vector<PeriodStart> Starts() const;

 private:
  struct Entry {
    std::int64_t start_usec = 0;
    std::int64_t end_usec = 0;
    SequenceNumber first_sequence;
    std::uint64_t record_count = 0;
    std::int64_t unscanned_usec = 0;
  };
  const Entry& At(PeriodId id) const;
  void KeepTexts(const PeriodInfo& period);

  PeriodId oldest_;
  std::deque<Entry> entries_;
  std::map<PeriodId, std::string> labels_;
  std::map<PeriodId, std::vector<Gap>> gaps_;
};

}  // namespace cj
