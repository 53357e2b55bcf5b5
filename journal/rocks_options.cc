#include "journal/rocks_options.h"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/table.h>
#include <rocksdb/write_buffer_manager.h>

#include <algorithm>

namespace cj {
namespace {

constexpr std::size_t kRecordsMemtable = 12 << 20;
constexpr std::size_t kOtherMemtable = 2 << 20;
constexpr std::size_t kRecordsBlock = 32 << 10;
constexpr std::uint64_t kDaySec = 86'400;

// RocksDB's own recovery from a full disk polls every five seconds for as long as that takes.
class NoRecoveryOfItsOwn : public rocksdb::EventListener {
 public:
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason /*reason*/, rocksdb::Status /*error*/,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }
};

// The first that this build of RocksDB has.
rocksdb::CompressionType Supported(std::initializer_list<rocksdb::CompressionType> wanted) {
  std::vector<rocksdb::CompressionType> have = rocksdb::GetSupportedCompressions();
  for (rocksdb::CompressionType type : wanted) {
    if (std::find(have.begin(), have.end(), type) != have.end()) return type;
  }
  return rocksdb::kNoCompression;
}

void SetWalOptions(rocksdb::DBOptions& options) {
  // Each append is handed to the kernel before it returns, so it survives the process.
  options.manual_wal_flush = false;
  // Rarely written columns would otherwise hold old logs back, and a start would replay them all.
  options.max_total_wal_size = kWalBudget;
  // After power loss the tail that was not synced may be torn in any way: keep what comes before.
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  // What is in memory is in the log: stopping need not wait for a flush.
  options.avoid_flush_during_shutdown = true;
}

}  // namespace

std::shared_ptr<rocksdb::Cache> MakeBlockCache() {
  // Point lookups of directories and links want it; scans of records go past it.
  return rocksdb::NewLRUCache(kBlockCacheBudget);
}

rocksdb::DBOptions MakeDatabaseOptions(rocksdb::Env* env) {
  rocksdb::DBOptions options;
  options.env = env;
  // Periodic dumps would wake an idle machine and fill the LOG.
  options.stats_dump_period_sec = 0;
  options.stats_persist_period_sec = 0;
  SetWalOptions(options);
  // One bound on all memtables of all columns together.
  options.write_buffer_manager = std::make_shared<rocksdb::WriteBufferManager>(kMemtableBudget);
  // One flush and one compaction at a time: we share the machine with those that we watch.
  options.max_background_jobs = 2;
  // Descriptors, and the index blocks that come with them, stay bounded however much is kept.
  options.max_open_files = 128;
  // Writes reach the disk as they come instead of as one burst that a checkpoint's sync waits for.
  options.bytes_per_sync = 1 << 20;
  options.wal_bytes_per_sync = 1 << 20;
  // Few files are opened at a start; sixteen threads for them, the default, cost more than they
  // save.
  options.max_file_opening_threads = 2;
  // A start must not read every file to gather numbers that only tune compactions (cost of a
  // start).
  options.skip_stats_update_on_db_open = true;
  // Files that are missing or cut short are noticed at the start, not in the middle of an answer.
  options.paranoid_checks = true;
  // Recovery from a full or failing disk is DatabaseKeeper's.
  options.max_bgerror_resume_count = 0;
  options.listeners.push_back(std::make_shared<NoRecoveryOfItsOwn>());
  return options;
}

rocksdb::ColumnFamilyOptions MakeColumnOptions(Column column,
                                               const std::shared_ptr<rocksdb::Cache>& cache,
                                               const rocksdb::CompactionFilter* filter) {
  bool records = column == Column::kRecords;
  rocksdb::ColumnFamilyOptions options;
  // Records come in batches all the time; the rest is small.
  options.write_buffer_size = records ? kRecordsMemtable : kOtherMemtable;
  // One is filled while one is flushed; more would only be memory.
  options.max_write_buffer_number = 2;
  // Young files are read and rewritten soon: cheap compression. What is at the bottom stays until
  // its period is dropped: dense compression.
  options.compression = Supported({rocksdb::kLZ4Compression, rocksdb::kSnappyCompression});
  options.bottommost_compression =
      Supported({rocksdb::kZSTD, rocksdb::kLZ4Compression, rocksdb::kSnappyCompression});
  // Files of one memtable: small enough that dropping a period finds whole files to delete, large
  // enough that a gigabyte is less than a hundred of them.
  options.target_file_size_base = 16 << 20;
  options.max_bytes_for_level_base = 64 << 20;

  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  // Indexes and filters count against the cache's bound like all else.
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  // Records are scanned, never looked up: larger blocks compress better and have a smaller index.
  table.block_size = records ? kRecordsBlock : std::size_t{4} << 10;
  if (column == Column::kDirectories) {
    // Most directories that a query asks for are not dead: a filter answers without reading.
    table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
    // Drops entries of dropped periods while files are rewritten anyway, and each file is once a
    // day.
    options.compaction_filter = filter;
    options.periodic_compaction_seconds = kDaySec;
  }
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

}  // namespace cj
