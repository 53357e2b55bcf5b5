#include "service/history_crawls.h"

#include <algorithm>

namespace cj {

std::optional<std::uint64_t> HistoryCrawls::Find(const Key& key) const {
  MutexLock lock(mutex_);
  auto found = crawls_.find(key);
  if (found == crawls_.end()) return std::nullopt;
  return found->second;
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
