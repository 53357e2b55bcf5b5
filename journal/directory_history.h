// When directories were last renamed, or had their attributes changed, as far as records tell: what
// has to be known before an old name in one of them is told to somebody who may list it now. Not
// thread-safe. Blocking: store.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <unordered_map>

#include "base/result.h"
#include "journal/store.h"

namespace cj {

class DirectoryHistory {
 public:
  // So many directories are known, of 100 bytes each; beyond, all of them count as changed just
  // now.
  static constexpr std::size_t kMaxDirectories = 64 * 1024;

  // Reads the records from `begin` on at the first call, and those that have been stored since at
  // each further one. `cancelled` is asked now and then; true ends the work with kCancelled.
  Status CatchUp(const Store& store, PeriodId begin, const std::function<bool()>& cancelled);

  // In this period or a later one. Of a period's changes of attributes only the first is recorded:
  // more cannot be said. True of an absent handle.
  bool ChangedSince(VolumeId volume, const FileHandle& directory, PeriodId period) const;

 private:
  void Add(const Record& record);

  std::unordered_map<std::string, PeriodId> last_;  // volume and handle → of its last record
  bool lost_count_ = false;
  PeriodId period_;  // of the last record that was read
  SequenceNumber sequence_;
};

}  // namespace cj
