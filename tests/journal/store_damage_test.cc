// Databases that must not be used, and of which not one byte may change; and damage that only
// reading can find.
#include <rocksdb/db.h>

#include <fstream>
#include <functional>

#include "fixture.h"
#include "journal/keys.h"
#include "journal/record_codec.h"
#include "raw_database.h"

namespace cj {
namespace {

// A journal with tables and with a log that is not yet in tables.
void MakeJournal(const std::string& path) {
  auto store = OpenStore(path);
  AdvanceStore(*store, 2'000);
  REQUIRE(store->Compact().has_value());
  AppendRecords(*store, 500);
  AdvanceStore(*store, 10);
  AppendRecords(*store, 10);
}

std::string FindFile(const std::string& path, const std::string& beginning,
                     const std::string& end) {
  std::string largest;
  std::size_t size = 0;
  for (const auto& [name, bytes] : Snapshot(path)) {
    if (name.starts_with(beginning) && name.ends_with(end) && bytes.size() >= size) {
      largest = path + "/" + name;
      size = bytes.size();
    }
  }
  REQUIRE_FALSE(largest.empty());
  return largest;
}

void Overwrite(const std::string& file, const std::string& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

std::string ReadAll(const std::string& file) {
  return Snapshot(std::filesystem::path(file).parent_path())
      .at(std::filesystem::path(file).filename());
}

void FlipByte(const std::string& file, std::size_t position) {
  std::string bytes = ReadAll(file);
  bytes[position] = static_cast<char>(~bytes[position]);
  Overwrite(file, bytes);
}

// Refused with this code and these words, and nothing in the directory has changed.
void CheckRefused(const std::string& path, ErrorCode code, const std::string& words) {
  auto before = Snapshot(path);
  Error error = FailureOf(OpenRocksStore(path));
  INFO(error.message);
  CHECK(error.code == code);
  CHECK(error.message.find(words) != std::string::npos);
  CHECK(error.message.find(path) != std::string::npos);
  CHECK(Snapshot(path) == before);
}

TEST_CASE("damage: files that are missing, cut or overwritten are refused untouched") {
  struct Row {
    const char* what;
    std::function<void(const std::string& path)> damage;
  };
  auto cut = [](const std::string& file, std::size_t bytes) {
    std::filesystem::resize_file(file, std::filesystem::file_size(file) - bytes);
  };
  const Row rows[] = {
      {"CURRENT missing", [](auto& path) { std::filesystem::remove(path + "/CURRENT"); }},
      {"CURRENT empty", [](auto& path) { Overwrite(path + "/CURRENT", ""); }},
      {"CURRENT garbage", [](auto& path) { Overwrite(path + "/CURRENT", "garbage\n"); }},
      {"CURRENT without its end", [](auto& path) { Overwrite(path + "/CURRENT", "MANIFEST-"); }},
      {"CURRENT of a file that is not there",
       [](auto& path) { Overwrite(path + "/CURRENT", "MANIFEST-999999\n"); }},
      {"MANIFEST missing",
       [](auto& path) { std::filesystem::remove(FindFile(path, "MANIFEST-", "")); }},
      {"MANIFEST empty", [](auto& path) { Overwrite(FindFile(path, "MANIFEST-", ""), ""); }},
      {"MANIFEST garbage",
       [](auto& path) { Overwrite(FindFile(path, "MANIFEST-", ""), std::string(4096, 'x')); }},
      {"MANIFEST with a flipped byte",
       [](auto& path) { FlipByte(FindFile(path, "MANIFEST-", ""), 20); }},
      {"a table missing", [](auto& path) { std::filesystem::remove(FindFile(path, "", ".sst")); }},
      {"a table empty", [](auto& path) { Overwrite(FindFile(path, "", ".sst"), ""); }},
      {"a table cut", [&](auto& path) { cut(FindFile(path, "", ".sst"), 1); }},
      {"a table's footer flipped",
       [](auto& path) {
         std::string table = FindFile(path, "", ".sst");
         FlipByte(table, std::filesystem::file_size(table) - 1);
       }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    ScratchDirectory scratch;
    MakeJournal(scratch / "journal");
    row.damage(scratch / "journal");
    CheckRefused(scratch / "journal", ErrorCode::kCorruption, "damaged");
  }
}

TEST_CASE("format: a journal of an older version is opened, and is of this one from then on") {
  std::string older;
  EncodeFormatVersion(GENERATE(1, 2, 3), &older);
  std::string present;
  EncodeFormatVersion(kFormatVersion, &present);
  ScratchDirectory scratch;
  MakeJournal(scratch / "journal");
  const auto records = ScanAll(*OpenStore(scratch / "journal"), Everything());
  PutRaw(scratch / "journal", Column::kMeta, kFormatKey, older);
  CHECK(ScanAll(*OpenStore(scratch / "journal"), Everything()) == records);
  CHECK(GetRaw(scratch / "journal", Column::kMeta, kFormatKey) == present);
}

TEST_CASE("damage: values that cannot be are refused untouched") {
  std::string newer;
  EncodeFormatVersion(kFormatVersion + 1, &newer);
  struct Row {
    const char* what;
    std::function<void(const std::string& path)> damage;
    ErrorCode code;
    const char* words;
  };
  const Row rows[] = {
      {"a newer format", [&](auto& path) { PutRaw(path, Column::kMeta, kFormatKey, newer); },
       ErrorCode::kUnsupported, "newer changejournald"},
      {"a format that is no number",
       [](auto& path) { PutRaw(path, Column::kMeta, kFormatKey, ""); }, ErrorCode::kCorruption,
       "format version"},
      {"no format", [](auto& path) { DeleteRaw(path, Column::kMeta, kFormatKey); },
       ErrorCode::kInvalidArgument, "another program"},
      {"no journal id", [](auto& path) { DeleteRaw(path, Column::kMeta, kJournalKey); },
       ErrorCode::kCorruption, "journal id"},
      {"half a journal id", [](auto& path) { PutRaw(path, Column::kMeta, kJournalKey, "ab"); },
       ErrorCode::kCorruption, "journal id"},
      {"no open period",
       [](auto& path) { DeleteRaw(path, Column::kPeriods, PeriodKey(PeriodId(3))); },
       ErrorCode::kCorruption, "periods"},
      {"a period missing between",
       [](auto& path) { DeleteRaw(path, Column::kPeriods, PeriodKey(PeriodId(2))); },
       ErrorCode::kCorruption, "period 3"},
      {"a period that cannot be read",
       [](auto& path) { PutRaw(path, Column::kPeriods, PeriodKey(PeriodId(2)), "x"); },
       ErrorCode::kCorruption, "period"},
      {"a record of a period to come",
       [](auto& path) {
         PutRaw(path, Column::kRecords, RecordKey({PeriodId(9), SequenceNumber(9)}), "");
       },
       ErrorCode::kCorruption, "outside of every period"},
      // It would tell which number is next.
      {"a last row that cannot be read",
       [](auto& path) {
         PutRaw(path, Column::kRecords, RecordKey({PeriodId(3), SequenceNumber(2'521)}),
                std::string("\0\x09", 2));
       },
       ErrorCode::kCorruption, "damaged row"},
      {"a last row over the end of its period",
       [](auto& path) {
         DeleteRaw(path, Column::kRecords, RecordKey({PeriodId(3), SequenceNumber(2'511)}));
         PutRaw(path, Column::kRecords, RecordKey({PeriodId(2), SequenceNumber(2'510)}),
                RowValue(0, PeriodId(2), 2'510, 2));
       },
       ErrorCode::kCorruption, "over the end of its period"},
      {"a last row with more numbers than there are",
       [](auto& path) {
         PutRaw(path, Column::kRecords, RecordKey({PeriodId(3), SequenceNumber(~0ULL)}), "");
       },
       ErrorCode::kCorruption, "over the end of its period"},
      {"a volume that cannot be read", [](auto& path) { PutRaw(path, Column::kVolumes, "x", ""); },
       ErrorCode::kCorruption, "volumes"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    ScratchDirectory scratch;
    MakeJournal(scratch / "journal");
    row.damage(scratch / "journal");
    CheckRefused(scratch / "journal", row.code, row.words);
  }
}

TEST_CASE("damage: another program's database is refused untouched") {
  ScratchDirectory scratch;
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* db = nullptr;
  REQUIRE(rocksdb::DB::Open(options, scratch.path(), &db).ok());
  SECTION("with data") { REQUIRE(db->Put({}, "their", "data").ok()); }
  SECTION("with a column family of its own, even empty") {
    rocksdb::ColumnFamilyHandle* handle = nullptr;
    REQUIRE(db->CreateColumnFamily({}, "theirs", &handle).ok());
    delete handle;
  }
  delete db;
  CheckRefused(scratch.path(), ErrorCode::kInvalidArgument, "another program");
}

// Reads all that can be read. Fails the test only where a wrong answer is given.
void ReadDamaged(const std::string& path, const std::vector<Record>& good) {
  Result<std::unique_ptr<RocksStore>> store = OpenRocksStore(path);
  if (!store) return;
  // Bytes of the log's end that were not synced may be lost, from some record on; never from
  // between.
  std::uint64_t stored = (*store)->next_sequence().value - 1;
  Result<std::unique_ptr<RecordCursor>> cursor = (*store)->Scan(Everything());
  if (!cursor) return;
  Record record;
  std::size_t seen = 0;
  for (;;) {
    Result<bool> more = (*cursor)->Next(&record);
    if (!more) return;
    if (!*more) break;
    REQUIRE(seen < good.size());
    REQUIRE(record == good[seen]);
    ++seen;
  }
  CHECK(seen == stored);
}

TEST_CASE("damage: a flipped byte anywhere is noticed or harmless, never a wrong answer") {
  std::uint64_t seed = TestSeed();
  INFO("CJ_SEED=" << seed);
  RandomRecords random(seed);
  ScratchDirectory scratch;
  MakeJournal(scratch / "journal");
  std::vector<Record> good = ScanAll(*OpenStore(scratch / "journal"), Everything());
  REQUIRE(good.size() == 2'520);
  for (int i = 0; i < 60; ++i) {
    std::string copy = scratch / "copy";
    std::filesystem::remove_all(copy);
    std::filesystem::copy(scratch / "journal", copy);
    const char* const ends[] = {".sst", ".log", ""};
    const char* end = ends[i % 3];
    std::string file = FindFile(copy, *end == '\0' ? "MANIFEST-" : "", end);
    std::size_t size = std::filesystem::file_size(file);
    if (size == 0) continue;
    std::size_t position = random.Below(size);
    CAPTURE(i, file, position);
    FlipByte(file, position);
    ReadDamaged(copy, good);
  }
}

}  // namespace
}  // namespace cj
