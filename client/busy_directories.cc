#include "client/busy_directories.h"

#include <algorithm>
#include <cmath>

namespace cj::client {
namespace {

constexpr double kUsecPerSecond = 1e6;

double Faded(double weight, std::int64_t since_usec, std::int64_t now_usec) {
  const auto halves = static_cast<double>(now_usec - since_usec) /
                      static_cast<double>(BusyDirectories::kHalfLifeUsec);
  return weight * std::exp2(-halves);
}

// Under a steady rate r the faded weight comes to r * half-life / ln 2.
double PerSecond(double weight) {
  return weight * std::log(2.0) * kUsecPerSecond /
         static_cast<double>(BusyDirectories::kHalfLifeUsec);
}

std::string DirectoryOf(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return "";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

void BusyDirectories::Add(const Record& record, std::int64_t now_usec) {
  const std::string to = DirectoryOf(record.path);
  const std::string from = DirectoryOf(record.from);
  if (!to.empty() || from.empty()) AddPath(to, now_usec);
  if (!from.empty() && from != to) AddPath(from, now_usec);
}

void BusyDirectories::AddPath(const std::string& directory, std::int64_t now_usec) {
  if (directory.size() > kMaxPathBytes) return;
  auto found = table_.find(directory);
  if (found == table_.end()) {
    if (table_.size() >= kMaxDirectories) MakeRoom(now_usec);
    found = table_.emplace(directory, Count{0, now_usec, 0}).first;
  }
  Count& count = found->second;
  count.weight = Faded(count.weight, count.usec, now_usec) + 1;
  count.usec = now_usec;
  ++count.records;
}

void BusyDirectories::MakeRoom(std::int64_t now_usec) {
  std::vector<double> weights;
  weights.reserve(table_.size());
  for (const auto& [path, count] : table_) {
    weights.push_back(Faded(count.weight, count.usec, now_usec));
  }
  const auto middle = weights.begin() + static_cast<std::ptrdiff_t>(weights.size() / 2);
  std::nth_element(weights.begin(), middle, weights.end());
  const double least = *middle;
  std::size_t surplus = table_.size() / 2;
  std::erase_if(table_, [&](const auto& each) {
    const bool goes = surplus > 0 && Faded(each.second.weight, each.second.usec, now_usec) <= least;
    if (goes) --surplus;
    return goes;
  });
}

std::vector<BusyDirectories::Busy> BusyDirectories::Busiest(std::size_t count,
                                                            std::int64_t now_usec) const {
  std::vector<Busy> all;
  all.reserve(table_.size());
  for (const auto& [path, each] : table_) {
    all.push_back({path, PerSecond(Faded(each.weight, each.usec, now_usec)), each.records});
  }
  count = std::min(count, all.size());
  const auto end = all.begin() + static_cast<std::ptrdiff_t>(count);
  std::partial_sort(all.begin(), end, all.end(), [](const Busy& a, const Busy& b) {
    return a.per_second != b.per_second ? a.per_second > b.per_second : a.path < b.path;
  });
  all.resize(count);
  return all;
}

}  // namespace cj::client
