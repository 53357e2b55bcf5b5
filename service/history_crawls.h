// Remembers which crawl answers a question that reaches back to before the oldest checkpoint: by
// change times it finds what the journal was not there to record. Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/thread_annotations.h"

namespace cj {

class HistoryCrawls {
 public:
  // Questions that are remembered; the crawler forgets outcomes, too (kMaxCrawlOutcomes).
  static constexpr std::size_t kMaxRemembered = 32;
  struct Key {
    std::int64_t since_usec = 0;
    std::vector<std::string> paths;
    friend auto operator<=>(const Key&, const Key&) = default;
  };

  // The number of the crawl for this very question.
  std::optional<std::uint64_t> Find(const Key& key) const EXCLUDES(mutex_);
  // Of those since that time that look at all these paths, among others perhaps.
  std::vector<std::uint64_t> FindCovering(const Key& key) const EXCLUDES(mutex_);
  void Remember(const Key& key, std::uint64_t crawl) EXCLUDES(mutex_);
  void Forget(const Key& key) EXCLUDES(mutex_);

 private:
  mutable Mutex mutex_;
  std::map<Key, std::uint64_t> crawls_ GUARDED_BY(mutex_);
};

}  // namespace cj
