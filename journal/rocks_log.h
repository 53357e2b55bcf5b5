// RocksDB's own log of warnings and errors, in the file LOG of its directory: what tells, later,
// why a disk failed. Ours instead of RocksDB's, which ends the process with an assertion when its
// LOG cannot be written (measured with 7.8.3 of Debian 12 on a full disk). Any thread.
#pragma once

#include <rocksdb/env.h>

#include <cstddef>
#include <memory>
#include <string>

namespace cj {

// A log that is longer than this when it is opened becomes LOG.old; one process writes no more than
// this to it. Errors that repeat tell nothing new.
inline constexpr std::size_t kRocksLogLimit = 1 << 20;

// Never fails: where the file cannot be written, lines are lost.
std::shared_ptr<rocksdb::Logger> OpenRocksLog(const std::string& directory);

// A log that keeps nothing: looking at a database must not write into its directory.
std::shared_ptr<rocksdb::Logger> MakeSilentLog();

}  // namespace cj
