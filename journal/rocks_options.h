// What RocksDB is told about our data, each option with its reason in rocks_options.cc. Used only
// by the other rocks_* files and by the bench that has nothing else. Sizes are bytes.
#pragma once

#include <rocksdb/options.h>

#include <array>
#include <cstddef>
#include <memory>

namespace rocksdb {
class Cache;
class CompactionFilter;
class Env;
}  // namespace rocksdb

namespace cj {

enum class Column : std::size_t {
  kMeta,
  kRecords,
  kPeriods,
  kDirectories,
  kLinks,
  kVolumes,
  kRollups
};
inline constexpr std::size_t kColumnCount = 7;
// The names of docs/format.md, in the order of Column.
inline constexpr std::array<const char*, kColumnCount> kColumnNames = {
    "default", "records", "periods", "directories", "links", "volumes", "rollups"};

// The store's memory is these two, some index blocks and one scan's readahead per query.
inline constexpr std::size_t kMemtableBudget = 32 << 20;
inline constexpr std::size_t kBlockCacheBudget = 16 << 20;
// What a start has to replay at worst: a fraction of a second.
inline constexpr std::size_t kWalBudget = 32 << 20;

rocksdb::DBOptions MakeDatabaseOptions(rocksdb::Env* env);
std::shared_ptr<rocksdb::Cache> MakeBlockCache();
// `filter` outlives the database; null for columns that have none.
rocksdb::ColumnFamilyOptions MakeColumnOptions(Column column,
                                               const std::shared_ptr<rocksdb::Cache>& cache,
                                               const rocksdb::CompactionFilter* filter);

}  // namespace cj
