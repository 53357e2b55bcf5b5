// The floor of a store that has a row for each record (the journal has many in one): rows of the
// size of a record, put into RocksDB with the journal's own options and taken out again, and
// nothing else.
//
//   bench_minimal_store append DIRECTORY ROWS BATCH   in a new database, BATCH rows to a write
//   bench_minimal_store scan DIRECTORY                all of them
//
// Prints {"rows":N,"seconds":S,"cpu_seconds":S}; the CPU of RocksDB's own threads is in it.
#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>

#include "journal/rocks_options.h"

namespace {

using Clock = std::chrono::steady_clock;

// What a record of a file on ext4 takes: its place in the order, and operations, time, process, two
// handles and a name.
constexpr std::size_t kValueBytes = 44;

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "bench_minimal_store: %s\n", what.c_str());
  std::exit(1);
}

void Check(const rocksdb::Status& status) {
  if (!status.ok()) Die(status.ToString());
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::unique_ptr<rocksdb::DB> Open(const std::string& directory) {
  const auto column =
      cj::MakeColumnOptions(cj::Column::kRecords, cj::MakeBlockCache(), /*filter=*/nullptr);
  rocksdb::Options options(cj::MakeDatabaseOptions(rocksdb::Env::Default()), column);
  options.create_if_missing = true;
  rocksdb::DB* database = nullptr;
  Check(rocksdb::DB::Open(options, directory, &database));
  return std::unique_ptr<rocksdb::DB>(database);
}

// Big-endian, so that rows are in the order of their numbers.
void PutNumber(std::uint64_t number, char* at) {
  for (int byte = 7; byte >= 0; --byte, number >>= 8) at[byte] = static_cast<char>(number);
}

std::uint64_t Append(rocksdb::DB& database, std::uint64_t rows, std::uint64_t batch) {
  char key[16] = {};
  char value[kValueBytes] = {};
  for (std::uint64_t row = 0; row < rows;) {
    rocksdb::WriteBatch writes;
    for (std::uint64_t end = std::min(rows, row + batch); row < end; ++row) {
      PutNumber(row, key + 8);
      PutNumber(row * 0x9e3779b97f4a7c15ULL, value + 8);  // handles do not compress well
      Check(writes.Put(rocksdb::Slice(key, sizeof key), rocksdb::Slice(value, sizeof value)));
    }
    Check(database.Write(rocksdb::WriteOptions(), &writes));
  }
  Check(database.SyncWAL());
  return rows;
}

std::uint64_t Scan(rocksdb::DB& database) {
  rocksdb::ReadOptions options;
  options.fill_cache = false;
  const std::unique_ptr<rocksdb::Iterator> rows(database.NewIterator(options));
  std::uint64_t count = 0;
  std::uint64_t bytes = 0;
  for (rows->SeekToFirst(); rows->Valid(); rows->Next()) {
    ++count;
    bytes += rows->value().size();
  }
  Check(rows->status());
  if (bytes != count * kValueBytes) Die("rows are not as they were put");
  return count;
}

}  // namespace

int main(int argc, char** argv) {
  const bool append = argc == 5 && std::strcmp(argv[1], "append") == 0;
  const bool scan = argc == 3 && std::strcmp(argv[1], "scan") == 0;
  if (!append && !scan) {
    std::fprintf(stderr,
                 "usage: bench_minimal_store append DIRECTORY ROWS BATCH\n"
                 "       bench_minimal_store scan DIRECTORY\n");
    return 2;
  }
  const auto number = [&](int index) { return std::strtoull(argv[index], nullptr, 10); };
  const std::unique_ptr<rocksdb::DB> database = Open(argv[2]);
  const Clock::time_point start = Clock::now();
  const double cpu = CpuSeconds();
  const std::uint64_t rows = append ? Append(*database, number(3), number(4)) : Scan(*database);
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  std::printf("{\"rows\":%llu,\"seconds\":%.6f,\"cpu_seconds\":%.6f}\n",
              static_cast<unsigned long long>(rows), seconds, CpuSeconds() - cpu);
  return 0;
}
