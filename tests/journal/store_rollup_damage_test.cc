// Damaged rollups: what they stand for is in the records as well, so that nothing is lost and
// everything is made again.
#include <fstream>

#include "fixture.h"
#include "journal/keys.h"
#include "journal/record_codec.h"
#include "journal/rollup_row.h"
#include "raw_database.h"
#include "rollups_fixture.h"

namespace cj {
namespace {

// The error of a scan over all of it.
Error Failure(const Store& store) {
  auto cursor = store.Scan(Range(1, 21, true));
  REQUIRE(cursor);
  Record record;
  for (;;) {
    auto more = (*cursor)->Next(&record);
    if (!more) return more.error();
    REQUIRE(*more);
  }
}

TEST_CASE("store rollups: a damaged one fails a scan once, and is made anew by the next start") {
  const std::string key = RollupKey({{1, PeriodId(8)}, SequenceNumber(8)});
  std::string good;
  {
    ScratchDirectory scratch(ScratchDirectory::Medium::kMemory);
    StoreWithRollups(scratch / "journal").reset();
    good = GetRaw(scratch / "journal", Column::kRollups, key);
    REQUIRE_FALSE(good.empty());
  }
  std::string another = good;
  another[0] = 1;  // a row that is not the first
  const std::string removed = "removed";
  for (const std::string& damaged : {std::string(), good.substr(1), good + "x", another, removed}) {
    CAPTURE(damaged);
    ScratchDirectory scratch(ScratchDirectory::Medium::kMemory);
    const std::string path = scratch / "journal";
    StoreWithRollups(path).reset();
    damaged == removed ? DeleteRaw(path, Column::kRollups, key)
                       : PutRaw(path, Column::kRollups, key, damaged);
    auto store = OpenStore(path);
    // What needs none of it is answered.
    CHECK(ScanAll(*store, Range(16, 21, true)).size() == 5);
    const Error error = Failure(*store);
    CHECK(error.code == ErrorCode::kBusy);
    CHECK(error.message.find("ask again") != std::string::npos);
    CHECK(ScanAll(*store, Range(1, 21, true)).size() == 20);
    CHECK(RollUpAll(*store) == 0);
    CHECK(ScanAll(*store, Range(1, 21, true)).size() == 20);
    for (int opening = 0; opening < 2; ++opening) {
      store.reset();
      store = OpenStore(path);
      CHECK(RollUpAll(*store) == (opening == 0 ? 1 : 0));
      CHECK(ScanAll(*store, Range(1, 21, true)).size() == 14);
    }
  }
}

TEST_CASE("store rollups: one that lost its end is noticed") {
  ScratchDirectory scratch(ScratchDirectory::Medium::kMemory);
  const std::string path = scratch / "journal";
  StoreWithRollups(path).reset();
  // As it would be with a record less.
  const std::string key = RollupKey({{1, PeriodId(8)}, SequenceNumber(8)});
  RollupRowReader row;
  const std::string value = GetRaw(path, Column::kRollups, key);
  REQUIRE(row.Parse(PeriodId(8), SequenceNumber(8), value));
  REQUIRE(row.size() == 2);
  auto start_usec = OpenStore(path)->Periods().at(7).start_usec;
  Record first;
  row.Get(0, start_usec, &first);
  RollupRowWriter writer(PeriodId(8), start_usec);
  writer.Add(first);
  PutRaw(path, Column::kRollups, key, writer.Finish().front().value);
  std::string state;
  EncodeRollupState({RollupState::Kind::kMade, 1}, &state);
  PutRaw(path, Column::kRollups, RollupStateKey({1, PeriodId(8)}), state);
  CHECK(Failure(*OpenStore(path)).message.find("periods from 8 on") != std::string::npos);
}

TEST_CASE("store rollups: what cannot be is forgotten at the start") {
  std::string made;
  EncodeRollupState({RollupState::Kind::kMade, 1}, &made);
  for (const auto& [key, value] :
       {std::pair{RollupStateKey({1, PeriodId(24)}), made},  // of periods that are still to come
        std::pair{RollupStateKey({1, PeriodId(8)}), std::string("\x03\0", 2)},
        std::pair{RollupStateKey({1, PeriodId(8)}), std::string("\x01\x01", 2)},
        std::pair{std::string("\0\x01", 2), made}}) {
    ScratchDirectory scratch(ScratchDirectory::Medium::kMemory);
    const std::string path = scratch / "journal";
    StoreWithRollups(path).reset();
    PutRaw(path, Column::kRollups, key, value);
    CHECK(ScanAll(*OpenStore(path), Range(1, 21, true)).size() == 20);
    std::size_t rows = 0;
    CHECK(BlocksIn(path, &rows).empty());
    CHECK(rows == 0);
    auto store = OpenStore(path);
    CHECK(RollUpAll(*store) == 1);
    CHECK(ScanAll(*store, Range(1, 21, true)).size() == 14);
  }
}

// The files that the rollups are in, and in no memtable.
std::vector<std::string> RollupFiles(const std::string& path) {
  std::vector<std::string> files;
  ChangeRaw(path, [&](rocksdb::DB& db, const Handles& handles) {
    rocksdb::ColumnFamilyHandle* column = handles[static_cast<std::size_t>(Column::kRollups)];
    REQUIRE(db.Flush({}, column).ok());
    std::vector<rocksdb::LiveFileMetaData> all;
    db.GetLiveFilesMetaData(&all);
    for (const auto& file : all) {
      if (file.column_family_name == column->GetName()) files.push_back(path + file.name);
    }
    return rocksdb::Status::OK();
  });
  return files;
}

TEST_CASE("store rollups: with damaged files they are made anew, and nothing else suffers") {
  ScratchDirectory scratch(ScratchDirectory::Medium::kMemory);
  const std::string path = scratch / "journal";
  StoreWithRollups(path).reset();
  const std::vector<std::string> files = RollupFiles(path);
  REQUIRE_FALSE(files.empty());
  for (const std::string& file : files) {
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekp(8);
    stream.put('?');
    REQUIRE(stream.good());
  }
  auto store = OpenStore(path);
  CHECK(ScanAll(*store, Range(1, 21, true)).size() == 20);
  CHECK(RollUpAll(*store) == 1);
  CHECK(ScanAll(*store, Range(1, 21, true)).size() == 14);
  REQUIRE(store->Compact());
  AppendRecords(*store, 1);
  store.reset();
  CHECK(ScanAll(*OpenStore(path), Range(1, 21, true)).size() == 14);
}

TEST_CASE("store rollups: rows of an attempt that was broken off are no part of the next") {
  ScratchDirectory scratch(ScratchDirectory::Medium::kMemory);
  const std::string path = scratch / "journal";
  StoreWithRollups(path).reset();
  DeleteRaw(path, Column::kRollups, RollupStateKey({1, PeriodId(8)}));
  PutRaw(path, Column::kRollups, RollupKey({{1, PeriodId(8)}, SequenceNumber(9)}), "left over");
  auto store = OpenStore(path);
  CHECK(RollUpAll(*store) == 1);
  CHECK(ScanAll(*store, Range(1, 21, true)).size() == 14);
}

}  // namespace
}  // namespace cj
