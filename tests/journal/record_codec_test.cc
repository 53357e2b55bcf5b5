// Every value of docs/format.md: what is written is read, and damage is noticed.
#include "journal/record_codec.h"

#include <limits>

#include "base/bytes.h"
#include "fixture.h"

namespace cj {
namespace {

constexpr std::int64_t kStart = 1'700'000'000'000'000;

std::string Encoded(const Record& record, std::int64_t start = kStart) {
  std::string value;
  EncodeRecord(record, nullptr, start, &value);
  return value;
}

// A value that is one record, and nothing else.
Status Decode(std::string_view value, std::int64_t start, Record* record) {
  ByteReader reader(value);
  RecordView view;
  CJ_RETURN_IF_ERROR(TakeRecord(reader, nullptr, &view));
  if (!reader.Done()) return Error{ErrorCode::kCorruption, "more than a record"};
  CopyRecord(view, start, record);
  return {};
}

TEST_CASE("records: random ones come back as they were, whatever the output held before") {
  std::uint64_t seed = TestSeed();
  INFO("CJ_SEED=" << seed);
  RandomRecords random(seed);
  Record decoded;
  for (int i = 0; i < 20'000; ++i) {
    CAPTURE(i);
    Record record = random.Next();
    auto start = static_cast<std::int64_t>(random.Below(2) == 0 ? kStart : random.Below(9));
    std::string value = Encoded(record, start);
    REQUIRE(Decode(value, start, &decoded).has_value());
    REQUIRE(decoded == record);
  }
}

TEST_CASE("records: every truncation and every addition is corruption") {
  std::uint64_t seed = TestSeed();
  INFO("CJ_SEED=" << seed);
  RandomRecords random(seed);
  Record decoded;
  for (int i = 0; i < 300; ++i) {
    std::string value = Encoded(random.Next());
    for (std::size_t length = 0; length < value.size(); ++length) {
      CAPTURE(i, length);
      Status status = Decode(std::string_view(value).substr(0, length), kStart, &decoded);
      REQUIRE(FailureOf(status).code == ErrorCode::kCorruption);
    }
    value.push_back('\0');
    REQUIRE(FailureOf(Decode(value, kStart, &decoded)).code == ErrorCode::kCorruption);
  }
}

TEST_CASE("records: bytes that no encoder means are corruption") {
  struct Row {
    const char* what;
    std::string bytes;
  };
  // operations, time, volume, pid, object, parent, name
  const std::string rest("\0\0", 2);
  std::string unknown;
  ByteWriter(&unknown).Varint(kAllOperations + 1);
  const Row rows[] = {
      {"an unknown operation", unknown + std::string(6, '\0')},
      {"an operation over 32 bits", std::string("\x80\x80\x80\x80\x10", 5) + std::string(6, '\0')},
      {"a volume over 32 bits",
       std::string("\x08\x00", 2) + "\x80\x80\x80\x80\x10" + std::string(4, '\0')},
      {"a pid over 32 bits",
       std::string("\x08\x00\x00", 3) + "\x80\x80\x80\x80\x10" + std::string(3, '\0')},
      {"an object that is the same as nothing", std::string("\x08\0\0\0\x01\0\0", 7)},
      {"an object as in the record before", std::string("\x08\0\0\0\x83\x01\0\0", 8)},
      {"a parent as in the record before", std::string("\x08\0\0\0\0\x83\x01\0", 8)},
      {"a parent that is the same as no object", std::string("\x08\0\0\0\0\x01\0", 7)},
      {"a handle of 131 bytes",
       std::string("\x08\0\0\0\x84\x01", 6) + std::string(131, 'h') + rest},
      {"an old place without a rename", std::string("\x08\0\0\0\0\0\0\0\0", 9)},
      {"a rename without an old place", std::string("\x04\0\0\0\0\0\0", 7)},
      {"nothing", ""},
  };
  Record decoded;
  for (const Row& row : rows) {
    CAPTURE(row.what);
    CHECK(FailureOf(Decode(row.bytes, kStart, &decoded)).code == ErrorCode::kCorruption);
  }
  // The rows differ from these only in what they are named for.
  CHECK(Decode(std::string("\x08\0\0\0\0\0\0", 7), kStart, &decoded).has_value());
  std::string longest = std::string("\x08\0\0\0\x82\x01", 6) + std::string(129, 'h') + rest;
  CHECK(Decode(longest, kStart, &decoded).has_value());
  CHECK(decoded.object.encoded.size() == 129);
}

TEST_CASE("records: any two times have a difference") {
  constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  for (std::int64_t start : {kMin, std::int64_t{-1}, std::int64_t{0}, kStart, kMax}) {
    for (std::int64_t time : {kMin, std::int64_t{-1}, std::int64_t{0}, kStart, kMax}) {
      CAPTURE(start, time);
      Record record;
      record.time_usec = time;
      Record decoded;
      REQUIRE(Decode(Encoded(record, start), start, &decoded).has_value());
      CHECK(decoded.time_usec == time);
    }
  }
}

TEST_CASE("records: an entry of ext4 an hour into its period takes 50 bytes before compression") {
  Record record = MakeRecord(PeriodId(1), SequenceNumber(1));
  record.time_usec = kStart + 3'600'000'000;
  record.name = "twenty-bytes-of-name";
  CHECK(Encoded(record).size() == 50);
  record.parent = record.object;
  record.name = ".";
  CHECK(Encoded(record).size() == 22);
}

PeriodInfo SamplePeriod() {
  PeriodInfo period;
  period.id = PeriodId(7);
  period.start_usec = kStart;
  period.end_usec = -1;
  period.label = "nightly \xff";
  period.first_sequence = SequenceNumber(300);
  period.record_count = 1'000'000;
  period.gaps = {{"/srv", 1, 2, "the daemon was not running"}, {"", -5, 0, ""}};
  return period;
}

TEST_CASE("periods: come back; truncations, additions and absurd counts are corruption") {
  PeriodInfo period = SamplePeriod();
  std::string value;
  EncodePeriod(period, &value);
  Result<PeriodInfo> decoded = DecodePeriod(PeriodId(7), value);
  REQUIRE(decoded.has_value());
  CHECK(*decoded == period);
  for (std::size_t length = 0; length < value.size(); ++length) {
    CAPTURE(length);
    CHECK_FALSE(DecodePeriod(PeriodId(7), value.substr(0, length)).has_value());
  }
  CHECK_FALSE(DecodePeriod(PeriodId(7), value + '\0').has_value());
  // A count of 2^64-1 gaps, and none there: must not be believed.
  std::string many = std::string(5, '\0') + std::string(9, '\xff') + '\x01';
  CHECK(FailureOf(DecodePeriod(PeriodId(7), many)).code == ErrorCode::kCorruption);
}

TEST_CASE("periods: filled gaps come back; without that list all are open, as in version 1") {
  PeriodInfo period = SamplePeriod();
  std::string open;
  EncodePeriod(period, &open);
  period.gaps[1].filled_in = PeriodId(300);
  std::string value;
  EncodePeriod(period, &value);
  REQUIRE(value.substr(0, open.size()) == open);
  CHECK(DecodePeriod(PeriodId(7), value).value() == period);
  for (std::size_t length = open.size() + 1; length < value.size(); ++length) {
    CHECK_FALSE(DecodePeriod(PeriodId(7), value.substr(0, length)).has_value());
  }
  CHECK_FALSE(DecodePeriod(PeriodId(7), value + '\0').has_value());
  CHECK_FALSE(DecodePeriod(PeriodId(7), open).value().gaps[1].filled());
}

TEST_CASE("periods: how long before nobody looked comes back, with gaps and without") {
  PeriodInfo period = SamplePeriod();
  const bool gaps = GENERATE(true, false);
  if (!gaps) period.gaps.clear();
  std::string before;
  EncodePeriod(period, &before);
  CHECK(DecodePeriod(PeriodId(7), before).value().unscanned_usec == 0);
  period.unscanned_usec = 1'500'000;
  std::string value;
  EncodePeriod(period, &value);
  CHECK(DecodePeriod(PeriodId(7), value).value() == period);
  CHECK_FALSE(DecodePeriod(PeriodId(7), value + '\0').has_value());
  CHECK_FALSE(DecodePeriod(PeriodId(7), value.substr(0, value.size() - 1)).has_value());
}

TEST_CASE("dead directories: come back; truncations and additions are corruption") {
  DeadDirectory dead{VolumeId(3), HandleNumber(9), HandleNumber(8), "gone", PeriodId(200)};
  std::string value;
  EncodeDeadDirectory(dead, &value);
  Result<DeadDirectory> decoded = DecodeDeadDirectory(dead.volume, dead.directory, value);
  REQUIRE(decoded.has_value());
  CHECK(*decoded == dead);
  CHECK(PeekDeadDirectoryPeriod(value).value() == PeriodId(200));
  for (std::size_t length = 0; length < value.size(); ++length) {
    CAPTURE(length);
    CHECK_FALSE(
        DecodeDeadDirectory(VolumeId(3), HandleNumber(9), value.substr(0, length)).has_value());
  }
  CHECK_FALSE(DecodeDeadDirectory(VolumeId(3), HandleNumber(9), value + '\0').has_value());
  CHECK_FALSE(PeekDeadDirectoryPeriod("").has_value());
}

TEST_CASE("small values: come back, and nothing else is taken for one") {
  std::string volume;
  EncodeVolumeId(VolumeId(~0U), &volume);
  CHECK(DecodeVolumeId(volume).value() == VolumeId(~0U));
  CHECK_FALSE(DecodeVolumeId("").has_value());
  CHECK_FALSE(DecodeVolumeId(volume + "x").has_value());
  std::string version;
  EncodeFormatVersion(kFormatVersion, &version);
  CHECK(DecodeFormatVersion(version).value() == kFormatVersion);
  CHECK_FALSE(DecodeFormatVersion("").has_value());
  CHECK_FALSE(DecodeFormatVersion(std::string(1, '\0')).has_value());
  CHECK_FALSE(DecodeFormatVersion("1 ").has_value());
  std::string journal;
  EncodeJournalId(JournalId(0x0123abcd), &journal);
  CHECK(DecodeJournalId(journal).value() == JournalId(0x0123abcd));
  CHECK_FALSE(DecodeJournalId(journal.substr(1)).has_value());
  CHECK_FALSE(DecodeJournalId(journal + "x").has_value());
}

}  // namespace
}  // namespace cj
