// Rows of rollups: what is written is read; damage is noticed, whatever it claims.
#include "journal/rollup_row.h"

#include "base/bytes.h"
#include "fixture.h"
#include "journal/record_row.h"

namespace cj {
namespace {

constexpr PeriodId kFirst(64);
constexpr std::int64_t kStart = 1'700'000'000'000'000;

std::vector<Record> RandomRollup(RandomRecords& random, std::size_t most) {
  std::vector<Record> records(1 + random.Below(most));
  std::uint64_t sequence = 1 + random.Below(1000);
  std::uint64_t period = kFirst.value + random.Below(10);
  for (Record& record : records) {
    record = random.Next();
    record.sequence = SequenceNumber(sequence);
    record.period = PeriodId(period);
    sequence += 1 + random.Below(random.Below(2) == 0 ? 3 : 100'000);
    period += random.Below(3);
  }
  return records;
}

std::vector<RollupRow> RowsOf(const std::vector<Record>& records) {
  RollupRowWriter writer(kFirst, kStart);
  for (const Record& record : records) writer.Add(record);
  return writer.Finish();
}

TEST_CASE("rows of rollups: random ones come back as they were, with periods and numbers") {
  const std::uint64_t seed = TestSeed();
  INFO("CJ_SEED=" << seed);
  RandomRecords random(seed);
  RollupRowReader reader;
  for (int i = 0; i < 300; ++i) {
    CAPTURE(i);
    const auto records = RandomRollup(random, random.Below(8) == 0 ? 3 * kMostRowRecords : 9);
    std::size_t at = 0;
    for (const RollupRow& row : RowsOf(records)) {
      REQUIRE(row.first == records.at(at).sequence);
      REQUIRE(reader.Parse(kFirst, row.first, row.value));
      REQUIRE(reader.before() == at);
      REQUIRE(reader.size() <= kMostRowRecords);
      REQUIRE(row.value.size() < kFullRowBytes + 2'000);
      Record record;
      for (std::size_t each = 0; each < reader.size(); ++each) {
        reader.Get(each, kStart, &record);
        REQUIRE(record == records.at(at++));
        REQUIRE(reader.sequence(each) == record.sequence);
        REQUIRE(reader.period(each) == record.period);
      }
    }
    REQUIRE(at == records.size());
  }
}

Error Refusal(const std::string& value, SequenceNumber first = SequenceNumber(1)) {
  RollupRowReader reader;
  Error error = FailureOf(reader.Parse(kFirst, first, value));
  CHECK(error.code == ErrorCode::kCorruption);
  return error;
}

// Of the first row.
std::string Head(std::uint64_t count) {
  std::string head;
  ByteWriter writer(&head);
  writer.Varint(0);
  writer.Varint(count);
  return head;
}

// In the first period of the rollup, and `numbers` behind the record before it.
std::string Entry(std::uint64_t periods, std::uint64_t numbers) {
  std::string entry;
  ByteWriter writer(&entry);
  writer.Varint(periods);
  writer.Varint(numbers);
  return entry + std::string("\x01\0\0\0\0\0\0", 7);
}

TEST_CASE("rows of rollups: what none can be is refused") {
  const std::string two = Head(2) + Entry(0, 0) + Entry(0, 1);
  RollupRowReader reader;
  REQUIRE(reader.Parse(kFirst, SequenceNumber(1), two));
  for (std::size_t bytes = 0; bytes < two.size(); ++bytes) {
    CAPTURE(bytes);
    Refusal(two.substr(0, bytes));
  }
  CHECK(Refusal(two + '\0').message.find("something follows") != std::string::npos);
  CHECK(Refusal(Head(0)).message.find("number of records") != std::string::npos);
  CHECK(Refusal(Head(kMostRowRecords + 1)).message.find("number of records") != std::string::npos);
  // Out of order, or beyond all numbers.
  Refusal(Head(2) + Entry(0, 0) + Entry(0, 0));
  Refusal(Head(2) + Entry(0, 1) + Entry(0, 1));
  const std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  Refusal(Head(2) + Entry(0, 0) + Entry(0, most), SequenceNumber(2));
  Refusal(Head(2) + Entry(0, 0) + Entry(most, 1));
}

TEST_CASE("rows of rollups: random damage never does harm") {
  const std::uint64_t seed = TestSeed();
  INFO("CJ_SEED=" << seed);
  RandomRecords random(seed);
  RollupRowReader reader;
  for (int i = 0; i < 3'000; ++i) {
    std::string value = RowsOf(RandomRollup(random, 9)).front().value;
    for (std::uint64_t bit = 0; bit <= random.Below(4); ++bit) {
      value[random.Below(value.size())] ^= static_cast<char>(1 << random.Below(8));
    }
    value.resize(value.size() - random.Below(2));
    const auto parsed = reader.Parse(kFirst, SequenceNumber(1), value);
    if (!parsed) CHECK(parsed.error().code == ErrorCode::kCorruption);
  }
}

}  // namespace
}  // namespace cj
