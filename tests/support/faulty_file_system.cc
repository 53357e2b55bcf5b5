#include "faulty_file_system.h"

#include <unistd.h>

#include <utility>

namespace cj {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

class FaultySequentialFile : public rocksdb::FSSequentialFileOwnerWrapper {
 public:
  FaultySequentialFile(std::unique_ptr<rocksdb::FSSequentialFile> file, FaultyFileSystem& system)
      : FSSequentialFileOwnerWrapper(std::move(file)), system_(system) {}
  IOStatus Read(std::size_t n, const IOOptions& options, Slice* result, char* scratch,
                IODebugContext* debug) override {
    IOStatus status = system_.Begin("read", FaultyFileSystem::Access::kRead);
    return status.ok() ? target()->Read(n, options, result, scratch, debug) : status;
  }

 private:
  FaultyFileSystem& system_;
};

class FaultyRandomAccessFile : public rocksdb::FSRandomAccessFileOwnerWrapper {
 public:
  FaultyRandomAccessFile(std::unique_ptr<rocksdb::FSRandomAccessFile> file,
                         FaultyFileSystem& system)
      : FSRandomAccessFileOwnerWrapper(std::move(file)), system_(system) {}
  IOStatus Read(std::uint64_t offset, std::size_t n, const IOOptions& options, Slice* result,
                char* scratch, IODebugContext* debug) const override {
    IOStatus status = system_.Begin("read", FaultyFileSystem::Access::kRead);
    return status.ok() ? target()->Read(offset, n, options, result, scratch, debug) : status;
  }

 private:
  FaultyFileSystem& system_;
};

class FaultyDirectory : public rocksdb::FSDirectoryWrapper {
 public:
  FaultyDirectory(std::unique_ptr<rocksdb::FSDirectory> directory, FaultyFileSystem& system)
      : FSDirectoryWrapper(std::move(directory)), system_(system) {}
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    IOStatus status = system_.Begin("fsync of a directory", FaultyFileSystem::Access::kWrite);
    return status.ok() ? FSDirectoryWrapper::Fsync(options, debug) : status;
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const rocksdb::DirFsyncOptions& more) override {
    IOStatus status = system_.Begin("fsync of a directory", FaultyFileSystem::Access::kWrite);
    return status.ok() ? FSDirectoryWrapper::FsyncWithDirOptions(options, debug, more) : status;
  }

 private:
  FaultyFileSystem& system_;
};

class FaultyWritableFile : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  FaultyWritableFile(std::unique_ptr<rocksdb::FSWritableFile> file, std::string name,
                     FaultyFileSystem& system)
      : FSWritableFileOwnerWrapper(std::move(file)), name_(std::move(name)), system_(system) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    IOStatus status = system_.Begin("write", FaultyFileSystem::Access::kWrite);
    Slice whole = data;
    // A write that fails has often done a part of its work.
    if (!status.ok()) whole = Slice(data.data(), data.size() / 2);
    IOStatus appended = target()->Append(whole, options, debug);
    size_ += whole.size();
    system_.NoteSize(name_, size_);
    return status.ok() ? appended : status;
  }
  IOStatus Append(const Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& /*checksum*/,
                  IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus Truncate(std::uint64_t size, const IOOptions& options, IODebugContext* debug) override {
    size_ = size;
    system_.NoteSize(name_, size_);
    return target()->Truncate(size, options, debug);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    IOStatus status = system_.Begin("sync", FaultyFileSystem::Access::kWrite);
    if (status.ok()) status = target()->Sync(options, debug);
    if (status.ok()) system_.NoteSync(name_);
    return status;
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return Sync(options, debug);
  }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    IOStatus status = system_.Begin("close", FaultyFileSystem::Access::kRead);
    IOStatus closed = target()->Close(options, debug);
    return status.ok() ? closed : status;
  }

 private:
  const std::string name_;
  FaultyFileSystem& system_;
  std::uint64_t size_ = 0;
};

}  // namespace

void FaultyFileSystem::FailAt(std::uint64_t n, Fault fault, Kind kind) {
  std::lock_guard lock(mutex_);
  until_fault_ = n;
  fault_ = fault;
  kind_ = kind;
  failed_ = false;
  failing_ = false;
}

bool FaultyFileSystem::failed() const {
  std::lock_guard lock(mutex_);
  return failed_;
}

IOStatus FaultyFileSystem::Begin(const std::string& what, Access access) {
  std::lock_guard lock(mutex_);
  if (kind_ == Kind::kFull && access == Access::kRead) return IOStatus::OK();
  bool now = until_fault_ != 0 && --until_fault_ == 0;
  if (now) {
    failed_ = true;
    failing_ = fault_ == Fault::kForever;
  }
  if (!now && !failing_) return IOStatus::OK();
  if (kind_ == Kind::kBroken) return IOStatus::IOError("injected fault", what);
  // As RocksDB's own file system reports ENOSPC.
  IOStatus full = IOStatus::NoSpace("injected fault", what);
  full.SetRetryable(true);
  return full;
}

void FaultyFileSystem::NoteSize(const std::string& file, std::uint64_t size) {
  std::lock_guard lock(mutex_);
  written_[file].size = size;
}

void FaultyFileSystem::NoteSync(const std::string& file) {
  std::lock_guard lock(mutex_);
  Written& written = written_[file];
  written.synced = written.size;
}

void FaultyFileSystem::DropUnsynced() {
  std::lock_guard lock(mutex_);
  for (auto& [file, written] : written_) {
    if (written.synced == written.size) continue;
    // A file that is gone by now has lost all that it could.
    if (truncate(file.c_str(), static_cast<off_t>(written.synced)) == 0) {
      written.size = written.synced;
    }
  }
}

IOStatus FaultyFileSystem::NewSequentialFile(const std::string& name, const Options& options,
                                             std::unique_ptr<rocksdb::FSSequentialFile>* file,
                                             Debug* debug) {
  IOStatus status = Begin("open for reading", FaultyFileSystem::Access::kRead);
  if (status.ok()) status = FileSystemWrapper::NewSequentialFile(name, options, file, debug);
  if (status.ok()) *file = std::make_unique<FaultySequentialFile>(std::move(*file), *this);
  return status;
}

IOStatus FaultyFileSystem::NewRandomAccessFile(const std::string& name, const Options& options,
                                               std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                               Debug* debug) {
  IOStatus status = Begin("open for reading", FaultyFileSystem::Access::kRead);
  if (status.ok()) status = FileSystemWrapper::NewRandomAccessFile(name, options, file, debug);
  if (status.ok()) *file = std::make_unique<FaultyRandomAccessFile>(std::move(*file), *this);
  return status;
}

IOStatus FaultyFileSystem::NewWritableFile(const std::string& name, const Options& options,
                                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                                           Debug* debug) {
  IOStatus status = Begin("open for writing", FaultyFileSystem::Access::kWrite);
  if (status.ok()) status = FileSystemWrapper::NewWritableFile(name, options, file, debug);
  if (!status.ok()) return status;
  {
    std::lock_guard lock(mutex_);
    written_[name] = {};
  }
  *file = std::make_unique<FaultyWritableFile>(std::move(*file), name, *this);
  return status;
}

IOStatus FaultyFileSystem::NewDirectory(const std::string& name, const IOOptions& options,
                                        std::unique_ptr<rocksdb::FSDirectory>* directory,
                                        Debug* debug) {
  IOStatus status = Begin("open a directory", FaultyFileSystem::Access::kRead);
  if (status.ok()) status = FileSystemWrapper::NewDirectory(name, options, directory, debug);
  if (status.ok()) *directory = std::make_unique<FaultyDirectory>(std::move(*directory), *this);
  return status;
}

IOStatus FaultyFileSystem::GetChildren(const std::string& directory, const IOOptions& options,
                                       std::vector<std::string>* names, Debug* debug) {
  IOStatus status = Begin("list a directory", FaultyFileSystem::Access::kRead);
  if (status.ok()) status = FileSystemWrapper::GetChildren(directory, options, names, debug);
  return status;
}

IOStatus FaultyFileSystem::GetFileSize(const std::string& name, const IOOptions& options,
                                       std::uint64_t* size, Debug* debug) {
  IOStatus status = Begin("stat", FaultyFileSystem::Access::kRead);
  if (status.ok()) status = FileSystemWrapper::GetFileSize(name, options, size, debug);
  return status;
}

IOStatus FaultyFileSystem::DeleteFile(const std::string& name, const IOOptions& options,
                                      Debug* debug) {
  IOStatus status = Begin("delete", FaultyFileSystem::Access::kRead);
  if (status.ok()) status = FileSystemWrapper::DeleteFile(name, options, debug);
  if (status.ok()) {
    std::lock_guard lock(mutex_);
    written_.erase(name);
  }
  return status;
}

IOStatus FaultyFileSystem::RenameFile(const std::string& from, const std::string& to,
                                      const IOOptions& options, Debug* debug) {
  IOStatus status = Begin("rename", FaultyFileSystem::Access::kWrite);
  if (status.ok()) status = FileSystemWrapper::RenameFile(from, to, options, debug);
  if (status.ok()) {
    std::lock_guard lock(mutex_);
    auto moved = written_.extract(from);
    written_.erase(to);
    if (!moved.empty()) {
      moved.key() = to;
      written_.insert(std::move(moved));
    }
  }
  return status;
}

}  // namespace cj
