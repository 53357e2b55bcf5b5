#include "service/history_crawls.h"

#include <algorithm>

#include "base/text.h"

namespace cj {
namespace {

// Of no paths: everything that is watched.
bool Covers(const std::vector<std::string>& crawled, const std::vector<std::string>& asked) {
  auto covered = [&](const std::string& path) {
    return std::any_of(crawled.begin(), crawled.end(),
                       [&](const std::string& root) { return PathContains(root, path); });
  };
  return crawled.empty() || (!asked.empty() && std::all_of(asked.begin(), asked.end(), covered));
}

}  // namespace

std::optional<std::uint64_t> HistoryCrawls::Find(const Key& key) const {
  MutexLock lock(mutex_);
  const auto found = crawls_.find(key);
  if (found == crawls_.end()) return std::nullopt;
  return found->second;
}

std::vector<std::uint64_t> HistoryCrawls::FindCovering(const Key& key) const {
  MutexLock lock(mutex_);
  std::vector<std::uint64_t> numbers;
  for (const auto& [known, crawl] : crawls_) {
    const bool covers = known.since_usec == key.since_usec && Covers(known.paths, key.paths);
    if (covers) numbers.push_back(crawl);
  }
  return numbers;
}

void HistoryCrawls::Remember(const Key& key, std::uint64_t crawl) {
  MutexLock lock(mutex_);
  crawls_[key] = crawl;
  if (crawls_.size() <= kMaxRemembered) return;
  crawls_.erase(std::min_element(crawls_.begin(), crawls_.end(), [](const auto& a, const auto& b) {
    return a.second < b.second;  // the oldest
  }));
}

void HistoryCrawls::Forget(const Key& key) {
  MutexLock lock(mutex_);
  crawls_.erase(key);
}

}  // namespace cj
