// Whoever changes the tree while the oracle asks. Used by one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "tests/oracle/options.h"

namespace cj::oracle {

// A path component; whatever has it is excluded from the watch.
inline constexpr char kExcludedName[] = "excluded.skip";
inline constexpr char kExcludePattern[] = "*.skip";

struct WorkloadSetup {
  std::string inside;   // the watched tree
  std::string outside;  // a directory on the same filesystem that is not watched; may be empty
  std::string log_directory;
};

class Workload {
 public:
  virtual ~Workload() = default;
  // Whether at least so many operations have succeeded. Always true of a workload that is sized by
  // them from the start.
  virtual bool Enough(std::uint64_t operations) const = 0;
  // Returns when nobody changes anything any more. Mappings, descriptors and processes stay.
  virtual Status Hold() = 0;
  virtual Status Resume() = 0;
  // Ends for good, from the held state: mappings and descriptors are closed, processes ended.
  virtual Status Finish() = 0;
  // One line about what was done and how fast.
  virtual std::string Report() const = 0;
};

Result<std::unique_ptr<Workload>> StartRandomWriters(const Options& options,
                                                     const WorkloadSetup& setup);
Result<std::unique_ptr<Workload>> StartStressNg(const Options& options, const WorkloadSetup& setup);

}  // namespace cj::oracle
