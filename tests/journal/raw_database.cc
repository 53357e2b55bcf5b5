#include "raw_database.h"

#include "fixture.h"
#include "journal/record_row.h"

namespace cj {

void ChangeRaw(const std::string& path,
               const std::function<rocksdb::Status(rocksdb::DB&, const Handles&)>& change) {
  std::vector<rocksdb::ColumnFamilyDescriptor> columns;
  for (const char* name : kColumnNames) columns.emplace_back(name, rocksdb::ColumnFamilyOptions());
  Handles handles;
  rocksdb::DB* db = nullptr;
  REQUIRE(rocksdb::DB::Open({}, path, columns, &handles, &db).ok());
  CHECK(change(*db, handles).ok());
  for (auto* handle : handles) delete handle;
  delete db;
}

void PutRaw(const std::string& path, Column column, const std::string& key,
            const std::string& value) {
  ChangeRaw(path, [&](rocksdb::DB& db, const Handles& handles) {
    return db.Put({}, handles[static_cast<std::size_t>(column)], key, value);
  });
}

void DeleteRaw(const std::string& path, Column column, const std::string& key) {
  ChangeRaw(path, [&](rocksdb::DB& db, const Handles& handles) {
    return db.Delete({}, handles[static_cast<std::size_t>(column)], key);
  });
}

std::string GetRaw(const std::string& path, Column column, const std::string& key) {
  std::string value;
  ChangeRaw(path, [&](rocksdb::DB& db, const Handles& handles) {
    return db.Get({}, handles[static_cast<std::size_t>(column)], key, &value);
  });
  return value;
}

std::string RowValue(std::int64_t period_start_usec, PeriodId period, std::uint64_t first,
                     std::uint64_t count) {
  std::vector<Record> records;
  for (std::uint64_t i = 0; i < count; ++i) {
    records.push_back(MakeRecord(period, SequenceNumber(first + i)));
  }
  RowWriter row;
  row.Begin(period_start_usec);
  for (const Record& record : records) row.Add(record);
  return std::string(row.Head()).append(row.body());
}

}  // namespace cj
