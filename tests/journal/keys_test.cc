// Keys sort as what they name, and only whole keys are read.
#include "journal/keys.h"

#include "fixture.h"

namespace cj {
namespace {

TEST_CASE("keys: records sort by period, then by number") {
  const RecordPosition positions[] = {
      {PeriodId(1), SequenceNumber(0)},   {PeriodId(1), SequenceNumber(255)},
      {PeriodId(1), SequenceNumber(256)}, {PeriodId(1), SequenceNumber(~0ULL)},
      {PeriodId(2), SequenceNumber(1)},   {PeriodId(255), SequenceNumber(1)},
      {PeriodId(256), SequenceNumber(0)}, {PeriodId(~0ULL), SequenceNumber(~0ULL)},
  };
  std::string previous;
  for (const RecordPosition& position : positions) {
    std::string key = RecordKey(position);
    CAPTURE(position.period.value, position.sequence.value);
    CHECK(key > previous);
    CHECK(ParseRecordKey(key).value() == position);
    previous = key;
  }
}

TEST_CASE("keys: parts of keys and longer ones are corruption") {
  std::string record = RecordKey({PeriodId(5), SequenceNumber(6)});
  for (std::size_t length = 0; length < record.size(); ++length) {
    CAPTURE(length);
    CHECK(FailureOf(ParseRecordKey(record.substr(0, length))).code == ErrorCode::kCorruption);
  }
  CHECK_FALSE(ParseRecordKey(record + 'x').has_value());
  std::string period = PeriodKey(PeriodId(9));
  CHECK(ParsePeriodKey(period).value() == PeriodId(9));
  CHECK_FALSE(ParsePeriodKey(period.substr(1)).has_value());
  CHECK_FALSE(ParsePeriodKey(period + 'x').has_value());
  VolumeIdentity identity{"ext4", "0123-abcd"};
  std::string volume = VolumeKey(identity);
  CHECK(ParseVolumeKey(volume).value() == identity);
  for (std::size_t length = 0; length < volume.size(); ++length) {
    CHECK_FALSE(ParseVolumeKey(volume.substr(0, length)).has_value());
  }
  CHECK_FALSE(ParseVolumeKey(volume + 'x').has_value());
}

TEST_CASE("keys: volumes whose texts run together are two") {
  CHECK(VolumeKey({"ext", "4x"}) != VolumeKey({"ext4", "x"}));
}

TEST_CASE("keys: random links come back, and no object's prefix begins another's names") {
  std::uint64_t seed = TestSeed();
  INFO("CJ_SEED=" << seed);
  RandomRecords random(seed);
  for (int i = 0; i < 5'000; ++i) {
    LinkName link{VolumeId(static_cast<std::uint32_t>(random.Below(3))), random.Handle(),
                  random.Handle(), random.Bytes(30)};
    std::string key = LinkKey(link);
    REQUIRE(ParseLinkKey(key).value() == link);
    FileHandle other = random.Handle();
    bool begins = key.starts_with(LinkPrefix(link.volume, other));
    REQUIRE(begins == (other == link.object));
  }
}

TEST_CASE("keys: a link whose handle is too long or cut is corruption") {
  LinkName link{VolumeId(1), HandleNumber(2), HandleNumber(3), ""};
  std::string key = LinkKey(link);
  for (std::size_t length = 0; length < key.size(); ++length) {
    CAPTURE(length);
    CHECK(FailureOf(ParseLinkKey(key.substr(0, length))).code == ErrorCode::kCorruption);
  }
  std::string too_long = std::string(4, '\0') + "\x82\x01" + std::string(130, 'h') + '\0';
  CHECK(FailureOf(ParseLinkKey(too_long)).code == ErrorCode::kCorruption);
  std::string longest = std::string(4, '\0') + "\x81\x01" + std::string(129, 'h') + '\0';
  CHECK(ParseLinkKey(longest).has_value());
}

TEST_CASE("keys: the end of a prefix") {
  CHECK(PrefixEnd("a") == "b");
  CHECK(PrefixEnd("a\xff\xff") == "b");
  CHECK(PrefixEnd("\xff").empty());
  CHECK(PrefixEnd("").empty());
  CHECK(PrefixEnd("\x7f") == "\x80");
}

}  // namespace
}  // namespace cj
