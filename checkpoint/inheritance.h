// What a process takes over from the one before it, which ended without a word: the groups, whose
// queues the kernel went on filling, and the spool with what had been read and not been stored.
// Whoever has both goes on in the same period as if nothing had happened.
//
// What cannot be understood whole is not taken: then the time without us is a gap, as after a boot.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "checkpoint/slot_group.h"
#include "checkpoint/spool_memory.h"
#include "fanotify/kernel.h"
#include "journal/store.h"

namespace cj {

inline constexpr const char* kSpoolName = "spool";
// "post-<period>-<serial>": a group made for this period; serials grow over all processes. (One
// group has the marks of all volumes.)
std::string GroupName(PeriodId period, std::uint64_t serial);

struct Inheritance {
  SpoolMemory spool;                     // inherited, or new
  std::vector<SpoolMemory::Found> left;  // what is to be stored first
  std::vector<SlotGroup> groups;         // oldest first; empty: nothing is inherited
  std::uint64_t next_serial = 1;
  std::int64_t complete_usec = 0;  // up to then everything is stored
  std::string refused;  // why what was left behind was of no use: a clause; empty: it was, or
                        // nothing was left
  bool kept = false;    // the spool outlives this process, too
};

// `kept`: all that systemd had; `keeper` may be null; `watched` says what is watched, and how: with
// another watch the old groups' events were not judged alike. Errors are those of making a spool.
Result<Inheritance> Inherit(Kernel& kernel, const Store& store, Clock& clock,
                            std::string_view watched, std::vector<KeptDescriptor> kept,
                            DescriptorKeeper* keeper);

}  // namespace cj
