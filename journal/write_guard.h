// From a write that failed back to one that may be tried. RocksDB stops writing after an error;
// Resume() makes it go on by flushing its memtables, which also starts a new write-ahead log. Two
// things about RocksDB 7.8 (measured; Debian's has its assertions on) make that a class:
//
//   * where all memtables are empty, Resume() says that all is well and keeps the log that failed;
//     the next write to that log ends the process with an assertion. So one memtable is never left
//     empty: a deletion of nothing, outside of the log, is put there first.
//   * the log's number tells whether it was replaced. Where it was not, nothing is written any
//   more.
//
// Not thread-safe: RocksStore holds a mutex around it and the write that it guards.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace rocksdb {
class Status;
}

namespace cj {

class Database;

class WriteGuard {
 public:
  // Before each write or sync: recovers where the one before failed. An error means: do not write.
  Status Prepare(const Database& database, const std::string& directory);
  // After it.
  void Done(const rocksdb::Status& status);

 private:
  Status Recover(const Database& database, const std::string& directory);

  bool failed_ = false;
  std::optional<std::uint64_t> broken_log_;  // the number of the log that a write failed in
};

}  // namespace cj
