// Stores with rollups, and what is in them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "journal/rocks_store.h"
#include "journal/rollup_table.h"

namespace cj {

// Makes all rollups that can be made; how many blocks were looked at.
std::size_t RollUpAll(Store& store);

ScanRange Range(std::uint64_t from, std::uint64_t until, bool distinct);

// 20 periods with one record each, which tell the same; the block of periods 8 to 15 is rolled up.
std::unique_ptr<RocksStore> StoreWithRollups(const std::string& path);

// The blocks that the database has a state of, and how many rows of rollups it has.
std::vector<RollupBlock> BlocksIn(const std::string& path, std::size_t* rows);

}  // namespace cj
