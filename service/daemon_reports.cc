#include "service/daemon_reports.h"

#include <utility>

#include "systemd/log.h"
#include "systemd/message_ids.h"

namespace cj {

void DaemonReports::Start() {
  gaps_reported_ = service_.PeriodsOfThisStart();
  const EngineStart& start = service_.engine_start();
  if (!start.inherited) return;
  Log(Priority::kNotice,
      "going on where the process before was ended; " + std::to_string(start.replayed) +
          " buffers of events were left",
      {}, kMessageInherited);
}

void DaemonReports::Gaps() {
  for (const PeriodInfo& period : service_.PeriodsWithGaps(gaps_reported_)) {
    for (const Gap& gap : period.gaps) {
      const std::string key = std::to_string(period.id.value) + "/" + gap.volume + "/" + gap.cause;
      if (period.id > gaps_reported_) {
        gaps_known_.clear();
        gaps_reported_ = period.id;
      }
      if (!gaps_known_.insert(key).second) continue;
      const std::string where = gap.volume.empty() ? "" : gap.volume + ": ";
      const std::string tree = gap.volume.empty() ? "all that are watched" : gap.volume;
      Log(Priority::kWarning, "a gap: " + where + gap.cause,
          {{"CAUSE", gap.cause}, {"MOUNT_POINT", gap.volume}, {"TREE", tree}}, kMessageGap);
    }
  }
}

void DaemonReports::Crawls() {
  const CrawlStatus crawl = service_.crawl();
  if (crawl.crawls == std::exchange(crawls_reported_, crawl.crawls) || crawl.running) return;
  Log(Priority::kNotice, "a crawl is complete: " + std::to_string(crawl.counts.entries) +
                             " files looked at, " + std::to_string(crawl.counts.changed) +
                             " told as changed");
}

void DaemonReports::Storage(const std::string& trouble) {
  if (trouble.empty() == trouble_.empty()) return;
  trouble_ = trouble;
  const std::string& directory = service_.state_directory();
  if (trouble.empty()) {
    Log(Priority::kNotice, "changes are being stored again", {{"STATE_DIRECTORY", directory}},
        kMessageStorageRecovered);
  } else {
    Log(Priority::kError, "changes are not being stored: " + trouble,
        {{"STATE_DIRECTORY", directory}, {"REASON", trouble}}, kMessageStorageFailed);
  }
}

void DaemonReports::Upkeep(const JournalService::Upkeep& done) {
  for (const Consumer& consumer : done.expired) {
    Log(Priority::kWarning, "the consumer '" + consumer.name + "' has expired: " + consumer.expired,
        {{"CONSUMER", consumer.name}, {"REASON", consumer.expired}}, kMessageConsumerExpired);
  }
  if (!done.dropped) return;
  Log(Priority::kInfo, "dropped the periods before " + service_.TokenOf(done.oldest),
      {{"OLDEST", service_.TokenOf(done.oldest)}}, kMessagePeriodsDropped);
}

}  // namespace cj
