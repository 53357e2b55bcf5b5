// The directory that a journal lives in, before RocksDB sees it. Free functions, any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace cj {

// Makes sure that `path` is a directory that we may write to. Where it is missing and `create` is
// set it is made with mode 0700, durably: names of other people's files will be in it. Errors:
// kNotFound (missing, or its parent is), kInvalidArgument (not a directory), kPermissionDenied,
// kIo.
Status PrepareDirectory(const std::string& path, bool create);

// Takes away what others may do in `path` (RocksDB makes its files readable for all). Only where
// the directory is `ours` or empty; one that is open to others and holds other things is
// kInvalidArgument: somebody may rely on it.
Status MakePrivate(const std::string& path, bool ours);

// True when a RocksDB database is in `path`, false when none is. kCorruption when parts of one are,
// without the file that everything starts from: RocksDB would make a new one over them.
Result<bool> HasDatabase(const std::string& path);

// The process that holds RocksDB's lock on `path`, if it is another one that this kernel can name.
// Never call it while this process has that database open: closing the lock's file would unlock it.
std::optional<pid_t> LockHolder(const std::string& path);

// Bytes that the files directly in `path` take on disk. Files may come and go meanwhile.
Result<std::uint64_t> DirectoryUsage(const std::string& path);

// Bytes of the filesystem where `path` is. Nothing: nobody can say.
std::optional<std::uint64_t> FilesystemBytes(const std::string& path);

// Bytes that are free where `path` is, for us. Nothing: nobody can say.
std::optional<std::uint64_t> FreeBytes(const std::string& path);

}  // namespace cj
