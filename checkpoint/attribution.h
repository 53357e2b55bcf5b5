// Who did it (Attribution=yes): finds out for the records of a batch which process is behind their
// number, and notes it in the batch.
//
// The kernel's events carry the number of the process, and nothing else. What the process is called
// is read from /proc when the event is translated, some milliseconds later, so:
//   * a process that has ended by then is told by its number alone, unless it was seen a moment
//     before (below);
//   * it is told as it is then: who has called execve(2) or setuid(2) since, as what it is now;
//   * the name of another process is never told for it. A number that was given out again shows by
//     when its process began: one that was there before the queue was last empty is the one that
//     did it; one that began after the event was read is not. In between the kernel would have to
//     have given out all other numbers first. It has not where fewer processes were made since
//     (half of the numbers may be in use), or where the time was too short (each takes it a
//     microsecond: they are given out under one lock); else the number alone is told. A clock that
//     is set in that moment can hide it.
//
// A bounded table remembers processes that were seen, for those that end before their last events
// are read, and another what is noted in the period; forgetting either costs a note, or a name.
//
// Not thread-safe: the writer's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <unordered_map>

#include "base/clock.h"
#include "checkpoint/processes.h"
#include "checkpoint/translate.h"
#include "journal/store.h"

namespace cj {

class Attribution {
 public:
  // Processes in either table, some 200 bytes each. More than change files at a time on any
  // machine; a table that is full begins anew.
  static constexpr std::size_t kMaxProcesses = 4096;
  // No number comes back sooner than half of them take, nor is longer than this believed in.
  static constexpr std::int64_t kMaxReuseUsec = 1'000'000;

  // Both outlive it.
  Attribution(ProcessReader& processes, const Clock& clock);

  // A period begins, or what was noted may be lost: all is noted again.
  void Begin() { noted_.clear(); }
  // The records of the batch from number `first` on: their events happened in `times`.
  void Attribute(const ReadTimes& times, std::size_t first, Batch* batch);

  // How long the kernel needs at the least to give out a number again.
  std::int64_t reuse_usec() const { return reuse_usec_; }

 private:
  struct Seen {
    Process process;
    std::int64_t seen_usec = 0;  // CLOCK_REALTIME
  };

  // How many processes had been made at a time of CLOCK_REALTIME.
  struct Forks {
    std::int64_t at_usec = 0;
    std::uint64_t count = 0;
  };

  bool AreNumbersDistinct(std::int64_t since_usec, std::int64_t now_usec);
  Actor Find(std::int32_t pid, const ReadTimes& times);
  std::optional<Actor> FindGone(std::int32_t pid, const ReadTimes& times, std::int64_t now_usec);

  ProcessReader& processes_;
  const Clock& clock_;
  const std::uint64_t numbers_;
  const std::int64_t reuse_usec_;
  Forks newer_;  // two that were counted, an eighth of the numbers apart
  Forks older_;
  std::unordered_map<std::int32_t, Seen> seen_;
  std::unordered_map<std::int32_t, Actor> noted_;  // in this period
  std::unordered_map<std::int32_t, Actor> found_;  // for the call under way
};

// Whether the process with an event's number is the one that did it. `now_usec` is when it was
// looked at. Nothing: if the number has not been given out twice meanwhile. Pure.
std::optional<bool> DidIt(const Process& process, const ReadTimes& times, std::int64_t now_usec);

}  // namespace cj
