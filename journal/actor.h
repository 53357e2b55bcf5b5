// Who did it: the process behind records, as it was when the daemon looked. Plain values.
//
// A record has the process's number alone. What is known beside is noted once for each process and
// period, at the first record that it is true of, and holds for the later records of this number in
// the period until another note of it (the number was given out again, the process has become
// another program).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "journal/ids.h"

namespace cj {

struct Actor {
  bool known = false;     // else nothing is but the number: the process had gone
  std::uint32_t uid = 0;  // the effective one
  std::string comm;       // UTF-8, without control characters
  std::string unit;       // of systemd; likewise; empty: it is in none
  friend bool operator==(const Actor&, const Actor&) = default;
};

// Neither is longer in the kernel: names of threads that the kernel has made, and of directories.
inline constexpr std::size_t kMaxCommBytes = 64;
inline constexpr std::size_t kMaxUnitBytes = 255;

struct ActorNote {
  std::int32_t pid = 0;
  SequenceNumber sequence;  // of the first record that it is true of
  Actor actor;
  friend bool operator==(const ActorNote&, const ActorNote&) = default;
};

// Of the records of one process in one period that are numbered from `from` up to and without
// `until`. No actor: nobody looked.
struct ActorSpan {
  std::optional<Actor> actor;
  SequenceNumber from;
  SequenceNumber until;
};

// The key in `default` and its value (docs/format.md). pid 0: from here on nobody looks.
std::string ActorKey(PeriodId period, std::int32_t pid, SequenceNumber sequence);
std::string ActorPeriodBegin(PeriodId period);
struct ActorPlace {
  PeriodId period;
  std::int32_t pid = 0;
  SequenceNumber sequence;
};
Result<ActorPlace> ParseActorKey(std::string_view key);
void EncodeActor(const Actor& actor, std::string* out);
Result<Actor> DecodeActor(std::string_view value);

}  // namespace cj
