// Rows: what is written is read, in any order; damage is noticed, whatever it claims.
#include "journal/record_row.h"

#include "base/bytes.h"
#include "fixture.h"

namespace cj {
namespace {

constexpr std::int64_t kStart = 1'700'000'000'000'000;

std::string RowOf(const std::vector<Record>& records) {
  RowWriter writer;
  writer.Begin(kStart);
  for (const Record& record : records) writer.Add(record);
  return std::string(writer.Head()).append(writer.body());
}

std::vector<Record> RandomRow(RandomRecords& random, std::size_t most) {
  std::vector<Record> records(1 + random.Below(most));
  for (std::size_t i = 0; i < records.size(); ++i) {
    records[i] = random.Next();
    if (i > 0 && random.Below(2) == 0) records[i].parent = records[i - 1].parent;
    if (i > 0 && random.Below(2) == 0) records[i].object = records[i - 1].object;
  }
  return records;
}

void CheckRow(const RowReader& row, const std::vector<Record>& records) {
  REQUIRE(row.size() == records.size());
  REQUIRE_FALSE(row.lost());
  Record record;
  for (std::size_t i = 0; i < records.size(); ++i) {
    CAPTURE(i);
    row.Get(i, kStart, &record);
    REQUIRE(record == records[i]);
    const std::size_t back = records.size() - 1 - i;
    row.Get(back, kStart, &record);
    REQUIRE(record == records[back]);
  }
}

Error Refusal(const std::string& value) {
  RowReader row;
  Error error = FailureOf(row.Parse(value));
  CHECK(error.code == ErrorCode::kCorruption);
  CHECK(row.size() == 0);
  return error;
}

std::string RowHead(std::uint64_t count) {
  std::string head(1, '\0');
  ByteWriter(&head).Varint(count);
  return head;
}

// The least record there is: of operation 1, nameless.
const std::string kLeastRecord("\x01\0\0\0\0\0\0", 7);

TEST_CASE("rows: random ones come back as they were, whatever the reader held before") {
  std::uint64_t seed = TestSeed();
  INFO("CJ_SEED=" << seed);
  RandomRecords random(seed);
  RowReader reader;
  for (int i = 0; i < 500; ++i) {
    CAPTURE(i);
    std::vector<Record> records = RandomRow(random, random.Below(8) == 0 ? kMostRowRecords : 9);
    const std::string value = RowOf(records);
    REQUIRE(reader.Parse(value).has_value());
    CheckRow(reader, records);
  }
}

TEST_CASE("rows: a record alone, as versions up to 3 have it, is a row of one") {
  std::uint64_t seed = TestSeed();
  INFO("CJ_SEED=" << seed);
  RandomRecords random(seed);
  RowReader reader;
  REQUIRE(reader.Parse(RowOf(RandomRow(random, 9))).has_value());
  for (int i = 0; i < 1'000; ++i) {
    CAPTURE(i);
    Record record = random.Next();
    record.operations |= kModified;  // they never stored one that meant nothing
    std::string value;
    EncodeRecord(record, nullptr, kStart, &value);
    REQUIRE(reader.Parse(value).has_value());
    CheckRow(reader, {record});
    REQUIRE_FALSE(reader.Parse(value + '\0').has_value());
  }
}

TEST_CASE("rows: no value is a record that was lost") {
  RowReader reader;
  REQUIRE(reader.Parse(kLeastRecord).has_value());
  REQUIRE(reader.Parse("").has_value());
  CHECK(reader.lost());
  CHECK(reader.size() == 1);
  REQUIRE(reader.Parse(kLeastRecord).has_value());
  CHECK_FALSE(reader.lost());
}

TEST_CASE("rows: every truncation and every addition is corruption") {
  std::uint64_t seed = TestSeed();
  INFO("CJ_SEED=" << seed);
  RandomRecords random(seed);
  RowReader reader;
  for (int i = 0; i < 100; ++i) {
    std::string value = RowOf(RandomRow(random, 9));
    for (std::size_t length = 1; length < value.size(); ++length) {
      CAPTURE(i, length);
      Status status = reader.Parse(std::string_view(value).substr(0, length));
      REQUIRE(FailureOf(status).code == ErrorCode::kCorruption);
    }
    REQUIRE_FALSE(reader.Parse(value + '\0').has_value());
    REQUIRE_FALSE(reader.Parse(value + kLeastRecord).has_value());
  }
}

TEST_CASE("rows: any change of one byte is another row or corruption, never a crash") {
  std::uint64_t seed = TestSeed();
  INFO("CJ_SEED=" << seed);
  RandomRecords random(seed);
  RowReader reader;
  Record record;
  std::size_t refused = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string value = RowOf(RandomRow(random, 5));
    value[random.Below(value.size())] = static_cast<char>(random.Below(256));
    if (!reader.Parse(value)) {
      ++refused;
      continue;
    }
    for (std::size_t at = 0; at < reader.size(); ++at) reader.Get(at, kStart, &record);
  }
  CHECK(refused > 1'000);
}

TEST_CASE("rows: a number of records that cannot be is not believed") {
  for (std::uint64_t count : {0ULL, kMostRowRecords + 1ULL, 1ULL << 32, ~0ULL}) {
    CAPTURE(count);
    CHECK(Refusal(RowHead(count) + std::string(10'000, 'x')).message.find("number of records") !=
          std::string::npos);
  }
  // Fewer bytes than that many records take.
  CHECK(Refusal(RowHead(3) + kLeastRecord + kLeastRecord).message.find("too short") !=
        std::string::npos);
  CHECK(Refusal(RowHead(1) + kLeastRecord + kLeastRecord).message.find("follows") !=
        std::string::npos);
  Refusal(std::string(1, '\0'));
  RowReader row;
  CHECK(row.Parse(RowHead(2) + kLeastRecord + kLeastRecord).has_value());
  CHECK(row.size() == 2);
}

TEST_CASE("rows: as before needs something before") {
  const std::string second("\x01\0\0\0\x83\x01\0\0", 8);
  const std::string object("\x01\0\0\0\x03hh\0\0", 9);
  Refusal(RowHead(2) + kLeastRecord + second);
  Refusal(RowHead(1) + second);
  RowReader row;
  const std::string value = RowHead(3) + object + second + second;
  REQUIRE(row.Parse(value).has_value());
  Record record;
  row.Get(2, kStart, &record);
  CHECK(record.object.encoded == "hh");
  // A rename's old place is told by the new one, or in full.
  Refusal(RowHead(2) + std::string("\x04\0\0\0\0\x03pp\0\x03oo\0", 12) +
          std::string("\x04\0\0\0\0\x03pp\0\x83\x01\0", 11));
}

TEST_CASE("rows: are full at their bounds, by number and by bytes") {
  RowWriter writer;
  writer.Begin(kStart);
  CHECK(writer.empty());
  Record record = MakeRecord(PeriodId(1), SequenceNumber(1));
  for (std::size_t i = 0; i < kMostRowRecords; ++i) {
    REQUIRE_FALSE(writer.full());
    writer.Add(record);
  }
  CHECK(writer.full());
  writer.Begin(kStart);
  CHECK_FALSE(writer.full());
  record.name.assign(kFullRowBytes - 1 - writer.body().size(), 'n');
  writer.Add(record);  // one alone may be longer than a row should be
  CHECK(writer.full());
  RowReader row;
  REQUIRE(row.Parse(std::string(writer.Head()).append(writer.body())).has_value());
  CHECK(row.size() == 1);
}

TEST_CASE("rows: a further record of a directory takes a handle less") {
  std::vector<Record> records;
  for (std::uint64_t i = 0; i < 8; ++i) {
    records.push_back(MakeRecord(PeriodId(1), SequenceNumber(32 + i)));
  }
  std::string alone;
  for (const Record& record : records) EncodeRecord(record, nullptr, kStart, &alone);
  // Of the parent's ten bytes two are left; two begin the row.
  CHECK(RowOf(records).size() == alone.size() - 7 * 8 + 2);
}

}  // namespace
}  // namespace cj
