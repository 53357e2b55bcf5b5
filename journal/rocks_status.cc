#include "journal/rocks_status.h"

#include <rocksdb/status.h>

#include <cerrno>

#include "base/check.h"

namespace cj {
namespace {

ErrorCode CodeOf(const rocksdb::Status& status) {
  switch (status.code()) {
    case rocksdb::Status::kCorruption:
      return ErrorCode::kCorruption;
    case rocksdb::Status::kBusy:
    case rocksdb::Status::kTryAgain:
      return ErrorCode::kBusy;
    case rocksdb::Status::kNotSupported:
      return ErrorCode::kUnsupported;
    case rocksdb::Status::kShutdownInProgress:
      return ErrorCode::kCancelled;
    default:
      return ErrorCode::kIo;
  }
}

}  // namespace

Error RocksError(const rocksdb::Status& status, const std::string& what) {
  CJ_CHECK(!status.ok(), "RocksError() of a good status");
  if (status.IsNoSpace()) {
    return Error{ErrorCode::kLimit,
                 what +
                     ": the disk is full; free some space, or lower MaxUse= or raise KeepFree=. "
                     "The journal goes on by itself as soon as there is room (" +
                     status.ToString() + ")",
                 ENOSPC};
  }
  return Error{CodeOf(status), what + ": " + status.ToString()};
}

void MustAdd(const rocksdb::Status& status) {
  CJ_CHECK(status.ok(), "a batch that RocksDB cannot hold");
}

Status FromRocks(const rocksdb::Status& status, const std::string& what) {
  if (status.ok()) return {};
  return RocksError(status, what);
}

}  // namespace cj
