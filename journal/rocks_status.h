// RocksDB's Status becomes our Error here and nowhere else. Pure functions.
#pragma once

#include <string>

#include "base/result.h"

namespace rocksdb {
class Status;
}

namespace cj {

// Success stays success. Otherwise "<what>: <RocksDB's words>", with
//   kLimit       the disk is full (errno_value is ENOSPC); the message says what to do
//   kCorruption  the data is damaged
//   kBusy        somebody else has it
//   kCancelled   the store is being closed
//   kUnsupported RocksDB was built without it
//   kIo          all else
Status FromRocks(const rocksdb::Status& status, const std::string& what);
// The same for a status that is known to be an error.
Error RocksError(const rocksdb::Status& status, const std::string& what);
// Of adding to a batch in memory, which fails only when it grows past 4 GiB, far beyond any drain.
void MustAdd(const rocksdb::Status& status);

}  // namespace cj
