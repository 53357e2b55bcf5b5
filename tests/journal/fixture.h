// What the storage tests share: a directory that goes away, a seed that is printed and replayed,
// random records, and stores that are opened or fail loudly.
#pragma once

#include <catch2/catch.hpp>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "journal/rocks_store.h"
#include "tests/support/seed.h"

namespace cj {

// A directory of this test's own, removed with all that is in it.
class ScratchDirectory {
 public:
  // kMemory: on a tmpfs where the machine has one, for tests that sync thousands of times.
  enum class Medium { kDisk, kMemory };
  explicit ScratchDirectory(Medium medium = Medium::kDisk);
  ~ScratchDirectory();
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Records of every shape that the kernel can cause, and some that it cannot.
class RandomRecords {
 public:
  explicit RandomRecords(std::uint64_t seed) : engine_(seed) {}
  Record Next();
  std::string Bytes(std::size_t most);
  std::uint64_t Below(std::uint64_t bound) { return engine_() % bound; }
  FileHandle Handle();

 private:
  std::mt19937_64 engine_;
};

FileHandle HandleNumber(std::uint64_t number);
// `count` records that continue the store's numbers in its open period; contents follow from the
// numbers, as MakeRecord has it.
Record MakeRecord(PeriodId period, SequenceNumber sequence);
Batch NextBatch(const Store& store, std::size_t count);

// Each REQUIREs success.
std::unique_ptr<RocksStore> OpenStore(const std::string& path,
                                      const RocksStoreOptions& options = {});
void AppendRecords(Store& store, std::size_t count);
// The open period as it ends, and the one that follows.
std::pair<PeriodInfo, PeriodInfo> PeriodTurn(const Store& store);
// Ends the open period after `count` more records.
void AdvanceStore(Store& store, std::size_t count = 0);
std::vector<Record> ScanAll(const Store& store, const ScanRange& range);
ScanRange Everything();

// The bytes of every file in a directory, by name.
std::map<std::string, std::string> Snapshot(const std::filesystem::path& directory);

// For CHECK(Failed(...)): the code of a failure and its message; REQUIREs that it failed.
template <typename T>
Error FailureOf(const T& result) {
  REQUIRE_FALSE(result.has_value());
  INFO(result.error().message);
  return result.error();
}

// Periods: 1 has the rows 1-4, 5-7 and 8-10; 2 has none, 3 has 11 and 12-15, 4 (open) has 16-17
// and 18.
std::unique_ptr<RocksStore> SampleStore(const std::string& path);

}  // namespace cj
