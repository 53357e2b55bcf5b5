// The oracle's command line. Plain values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace cj::oracle {

struct Options {
  std::string filesystem = "ext4";  // ext4, xfs, btrfs, tmpfs, or an existing directory
  std::uint64_t operations =
      5000;                        // at least this many successful operations, all writers together
  std::uint64_t checkpoints = 12;  // at least this many answers
  unsigned writers = 3;
  unsigned comparisons = 4;  // how often the writers are held and both trees compared
  std::uint64_t seed = 0;    // 0: $CJ_SEED, else a fresh one
  std::string daemon = "changejournald";
  std::string changectl = "changectl";
  std::string workload = "random";   // or stress-ng
  std::string watch = "any";         // mount, subdirectory or any (the seed decides)
  std::string state = "any";         // inside or outside of the watched volume, or any
  std::string strict = "off";        // PreModify=: open or access, open-sync with Durability=sync
  std::string format = "any";        // of the answers: json, null or any
  std::vector<std::string> only;     // names of operations; empty: all
  std::vector<std::string> without;  // names of operations to leave out
  bool replica_only = false;  // no daemon: every answer names all there is (tests the oracle)
  bool drop_one = false;      // withholds one changed path, so that the run must fail
  bool rsync = true;          // a second mirror, kept by the rsync line of the manual
  std::uint64_t cuts = 0;     // power cuts (power_cuts.h) instead of the long run; 0: none
  std::string cut = "any";    // watched, state, both or any of them; or unmount
  std::string log_directory;  // where to keep the operation logs; empty: nowhere
};

// kInvalidArgument with what was wrong, for the usage message.
Result<Options> ParseOptions(int argc, char** argv);
const char* Usage();

}  // namespace cj::oracle
