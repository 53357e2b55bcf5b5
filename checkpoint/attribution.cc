#include "checkpoint/attribution.h"

#include <algorithm>

namespace cj {

std::optional<bool> DidIt(const Process& process, const ReadTimes& times, std::int64_t now_usec) {
  if (process.age_usec - kAgeErrorUsec >= now_usec - times.since_usec) return true;
  // Its age is never told too small.
  if (process.age_usec < now_usec - times.read_usec) return false;
  return std::nullopt;
}

Attribution::Attribution(ProcessReader& processes, const Clock& clock)
    : processes_(processes),
      clock_(clock),
      numbers_(static_cast<std::uint64_t>(std::max<std::int64_t>(processes.NumberCount(), 0))),
      reuse_usec_(std::min(static_cast<std::int64_t>(numbers_ / 2), kMaxReuseUsec)),
      newer_{clock.RealtimeUsec(), processes.ForkCount()},
      older_(newer_) {}

bool Attribution::AreNumbersDistinct(std::int64_t since_usec, std::int64_t now_usec) {
  if (now_usec - since_usec <= reuse_usec_) return true;
  const std::uint64_t count = processes_.ForkCount();
  const Forks from = newer_.at_usec <= since_usec ? newer_ : older_;
  if (count - newer_.count > numbers_ / 8) {
    older_ = newer_;
    newer_ = {now_usec, count};
  }
  return from.at_usec <= since_usec && count - from.count < numbers_ / 2;
}

// It was there before, and its number cannot have been another's since.
std::optional<Actor> Attribution::FindGone(std::int32_t pid, const ReadTimes& times,
                                           std::int64_t now_usec) {
  const auto known = seen_.find(pid);
  if (known == seen_.end()) return std::nullopt;
  const std::int64_t from_usec = std::min(known->second.seen_usec, times.since_usec);
  if (AreNumbersDistinct(from_usec, now_usec)) return known->second.process.actor;
  seen_.erase(known);
  return std::nullopt;
}

Actor Attribution::Find(std::int32_t pid, const ReadTimes& times) {
  const auto process = processes_.Read(pid);
  const std::int64_t now_usec = clock_.RealtimeUsec();
  if (!process) return FindGone(pid, times, now_usec).value_or(Actor());
  const auto did_it = DidIt(*process, times, now_usec);
  if (!(did_it ? *did_it : AreNumbersDistinct(times.since_usec, now_usec))) return Actor();
  if (seen_.size() >= kMaxProcesses && seen_.count(pid) == 0) seen_.clear();
  seen_[pid] = {*process, now_usec};
  return process->actor;
}

void Attribution::Attribute(const ReadTimes& times, std::size_t first, Batch* batch) {
  found_.clear();
  for (std::size_t i = first; i < batch->records.size(); ++i) {
    const Record& record = batch->records[i];
    if (record.pid == 0) continue;
    auto found = found_.find(record.pid);
    if (found != found_.end()) continue;
    found = found_.emplace(record.pid, Find(record.pid, times)).first;
    const auto noted = noted_.find(record.pid);
    if (noted != noted_.end() && noted->second == found->second) continue;
    if (noted_.size() >= kMaxProcesses) noted_.clear();
    noted_[record.pid] = found->second;
    batch->actors.push_back({record.pid, record.sequence, found->second});
  }
}

}  // namespace cj
