// A journal's RocksDB, opened behind its store's back: to damage it, and to make it what former
// versions left. The store is closed meanwhile.
#pragma once

#include <rocksdb/db.h>

#include <functional>
#include <string>
#include <vector>

#include "journal/record.h"
#include "journal/rocks_options.h"

namespace cj {

using Handles = std::vector<rocksdb::ColumnFamilyHandle*>;
// REQUIREs that it opens and CHECKs that `change` succeeds.
void ChangeRaw(const std::string& path,
               const std::function<rocksdb::Status(rocksdb::DB&, const Handles&)>& change);
void PutRaw(const std::string& path, Column column, const std::string& key,
            const std::string& value);
void DeleteRaw(const std::string& path, Column column, const std::string& key);
std::string GetRaw(const std::string& path, Column column, const std::string& key);

// The value of a row of `count` records as MakeRecord has them.
std::string RowValue(std::int64_t period_start_usec, PeriodId period, std::uint64_t first,
                     std::uint64_t count);

}  // namespace cj
