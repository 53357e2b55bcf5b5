// Who made records, for whoever reads many of them: asks the store once for each process and period
// that it meets. Not thread-safe; the store outlives it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "base/result.h"
#include "journal/record.h"
#include "journal/store.h"

namespace cj {

class ActorMemory {
 public:
  // Processes that are remembered; beyond, all are forgotten and asked for again.
  static constexpr std::size_t kMaxRemembered = 4096;

  explicit ActorMemory(const Store& store) : store_(store) {}

  // Nothing: nobody looked, or no process did it (a crawl found it).
  Result<std::optional<Actor>> Find(const Record& record);

 private:
  const Store& store_;
  PeriodId period_;  // of which it is known whether there are any
  bool any_ = false;
  std::map<std::pair<std::uint64_t, std::int32_t>, ActorSpan> spans_;
};

}  // namespace cj
