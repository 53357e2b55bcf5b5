// A disk that fails when told to, for RocksDB: the n-th operation through it fails (an append after
// half of its bytes), once or from then on; and what was written but not synced can be forgotten,
// as a power loss does. Any thread.
#pragma once

#include <rocksdb/file_system.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace cj {

class FaultyFileSystem : public rocksdb::FileSystemWrapper {
 public:
  enum class Fault { kOnce, kForever };
  enum class Kind { kFull, kBroken };  // ENOSPC of what writes, or EIO of everything

  FaultyFileSystem() : FileSystemWrapper(rocksdb::FileSystem::Default()) {}
  static const char* kClassName() { return "FaultyFileSystem"; }
  const char* Name() const override { return kClassName(); }

  // The n-th operation from now fails, n >= 1. 0 ends all faults. Forgets that anything failed.
  void FailAt(std::uint64_t n, Fault fault, Kind kind = Kind::kBroken);
  // Whether an operation has failed since FailAt.
  bool failed() const;
  // Cuts each file that was written through this file system back to what was synced. Call it when
  // nothing has them open.
  void DropUnsynced();

  // For the files made here: the status that an operation begins with.
  enum class Access { kRead, kWrite };
  rocksdb::IOStatus Begin(const std::string& what, Access access);
  void NoteSize(const std::string& file, std::uint64_t size);
  void NoteSync(const std::string& file);

  using Options = rocksdb::FileOptions;
  using Debug = rocksdb::IODebugContext;
  rocksdb::IOStatus NewSequentialFile(const std::string& name, const Options& options,
                                      std::unique_ptr<rocksdb::FSSequentialFile>* file,
                                      Debug* debug) override;
  rocksdb::IOStatus NewRandomAccessFile(const std::string& name, const Options& options,
                                        std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                                        Debug* debug) override;
  rocksdb::IOStatus NewWritableFile(const std::string& name, const Options& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    Debug* debug) override;
  rocksdb::IOStatus NewDirectory(const std::string& name, const rocksdb::IOOptions& options,
                                 std::unique_ptr<rocksdb::FSDirectory>* directory,
                                 Debug* debug) override;
  rocksdb::IOStatus GetChildren(const std::string& directory, const rocksdb::IOOptions& options,
                                std::vector<std::string>* names, Debug* debug) override;
  rocksdb::IOStatus GetFileSize(const std::string& name, const rocksdb::IOOptions& options,
                                std::uint64_t* size, Debug* debug) override;
  rocksdb::IOStatus DeleteFile(const std::string& name, const rocksdb::IOOptions& options,
                               Debug* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options, Debug* debug) override;

 private:
  struct Written {
    std::uint64_t size = 0;
    std::uint64_t synced = 0;
  };

  mutable std::mutex mutex_;
  std::uint64_t until_fault_ = 0;  // 0: none to come
  Fault fault_ = Fault::kOnce;
  Kind kind_ = Kind::kBroken;
  bool failed_ = false;
  bool failing_ = false;
  std::map<std::string, Written> written_;
};

}  // namespace cj
