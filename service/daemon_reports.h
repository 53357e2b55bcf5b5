// What the daemon writes to the log about the journal while it runs: each thing once. One thread.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "service/journal_service.h"

namespace cj {

class DaemonReports {
 public:
  // `service` outlives this.
  explicit DaemonReports(JournalService& service) : service_(service) {}

  // That this process goes on where another was ended.
  void Start();
  // Gaps that have come since.
  void Gaps();
  void Crawls();
  // Trouble with storage (empty: none), when it begins and when it ends.
  void Storage(const std::string& trouble);
  // What retention has done.
  void Upkeep(const JournalService::Upkeep& done);

 private:
  JournalService& service_;
  PeriodId gaps_reported_;            // the last period that had a gap
  std::set<std::string> gaps_known_;  // ... and those of it that were logged
  std::uint64_t crawls_reported_ = 0;
  std::string trouble_;
};

}  // namespace cj
