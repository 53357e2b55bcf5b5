// docs/format.md and the code agree: the bytes of its worked example are those that we write, and
// they are read as what the text says.
#include <fstream>
#include <iterator>
#include <sstream>

#include "base/bytes.h"
#include "fixture.h"
#include "journal/actor.h"
#include "journal/keys.h"
#include "journal/record_codec.h"
#include "journal/record_row.h"
#include "journal/rollup_row.h"

namespace cj {
namespace {

// The hexadecimal bytes that follow "<entry> key|value" in the document, over continuation lines.
class Example {
 public:
  Example() {
    std::ifstream in(std::string(CJ_SOURCE_DIR) + "/docs/format.md");
    REQUIRE(in.good());
    std::string entry;
    std::string* bytes = nullptr;
    for (std::string line; std::getline(in, line);) {
      if (!line.starts_with("    ")) {
        bytes = nullptr;
        continue;
      }
      std::istringstream words(line);
      for (std::string word; words >> word;) {
        if (word.find('/') != std::string::npos) {
          entry = word;
          bytes = nullptr;
        } else if (!entry.empty() && (word == "key" || word == "value")) {
          bytes = &bytes_[entry + " " + word];
        } else if (bytes != nullptr) {
          bytes->push_back(static_cast<char>(std::stoi(word, nullptr, 16)));
        }
      }
    }
  }
  const std::string& operator[](const std::string& name) const {
    INFO(name);
    REQUIRE(bytes_.contains(name));
    return bytes_.at(name);
  }
  std::size_t size() const { return bytes_.size(); }

 private:
  std::map<std::string, std::string> bytes_;
};

// ext4 and most others: inode number and generation, each 32 bits in the machine's order.
FileHandle InodeHandle(std::uint8_t inode, std::uint16_t generation) {
  FileHandle handle;
  ByteWriter writer(&handle.encoded);
  for (int byte : {1, int{inode}, 0, 0, 0, generation & 0xff, generation >> 8, 0, 0}) {
    writer.Byte(static_cast<std::uint8_t>(byte));
  }
  return handle;
}

constexpr std::int64_t kStart = 1'700'000'000'000'000;
const FileHandle kFile = InodeHandle(12, 0x5eed);
const FileHandle kDirectoryHandle = InodeHandle(2, 0);

Record FirstRecord() {
  Record record;
  record.period = PeriodId(7);
  record.sequence = SequenceNumber(300);
  record.time_usec = kStart + 1'500'000;
  record.volume = VolumeId(1);
  record.operations = kModified | kClosedWrite;
  record.pid = 4242;
  record.object = kFile;
  record.parent = kDirectoryHandle;
  record.name = "report.txt";
  return record;
}

Record SecondRecord() {
  Record record = FirstRecord();
  record.sequence = SequenceNumber(301);
  record.time_usec = kStart + 2'000'000;
  record.operations = kRenamed;
  record.name = "report.old";
  record.old_parent = kDirectoryHandle;
  record.old_name = "report.txt";
  return record;
}

// Encodes with a function that appends.
template <typename Encode>
std::string Made(const Encode& encode) {
  std::string out;
  encode(&out);
  return out;
}

TEST_CASE("format.md: a row of two records") {
  Example example;
  const Record records[] = {FirstRecord(), SecondRecord()};
  CHECK(example["records/300 key"] == RecordKey({records[0].period, records[0].sequence}));
  const std::string& value = example["records/300 value"];
  RowWriter writer;
  writer.Begin(kStart);
  for (const Record& record : records) writer.Add(record);
  CHECK(value == std::string(writer.Head()).append(writer.body()));
  RowReader row;
  REQUIRE(row.Parse(value).has_value());
  REQUIRE(row.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CAPTURE(i);
    Record decoded;
    row.Get(i, kStart, &decoded);
    decoded.period = records[i].period;
    decoded.sequence = records[i].sequence;
    CHECK(decoded == records[i]);
  }
}

TEST_CASE("format.md: what it says of the bounds of a row and of a handle") {
  std::ifstream in(std::string(CJ_SOURCE_DIR) + "/docs/format.md");
  const std::string text((std::istreambuf_iterator<char>(in)), {});
  CHECK(text.find("There are 1 to " + std::to_string(kMostRowRecords)) != std::string::npos);
  CHECK(text.find(std::to_string(kFullRowBytes >> 10) + " KiB or more") != std::string::npos);
  CHECK(text.find("varint " + std::to_string(kMaxEncodedHandle + 2)) != std::string::npos);
  CHECK(text.find(std::to_string(kRollupFanOut) + "^level periods, level 1 to " +
                  std::to_string(kRollupLevels)) != std::string::npos);
  CHECK(text.find("a version, now " + std::to_string(kFormatVersion)) != std::string::npos);
}

TEST_CASE("format.md: periods and what stands alone") {
  Example example;
  PeriodInfo period;
  period.id = PeriodId(7);
  period.start_usec = kStart;
  period.label = "nightly";
  period.first_sequence = SequenceNumber(300);
  CHECK(example["periods/7 key"] == PeriodKey(period.id));
  CHECK(example["periods/7 value"] == Made([&](std::string* out) { EncodePeriod(period, out); }));
  CHECK(example["default/format key"] == kFormatKey);
  CHECK(example["default/format value"] ==
        Made([](std::string* out) { EncodeFormatVersion(kFormatVersion, out); }));
  CHECK(example["default/journal key"] == kJournalKey);
  CHECK(example["default/journal value"] ==
        Made([](std::string* out) { EncodeJournalId(JournalId(0x0123abcd), out); }));
  CHECK(example["volumes/ext4 key"] == VolumeKey({"ext4", "c0de"}));
  CHECK(example["volumes/ext4 value"] ==
        Made([](std::string* out) { EncodeVolumeId(VolumeId(1), out); }));
}

TEST_CASE("format.md: a consumer") {
  Example example;
  Consumer consumer;
  consumer.name = "mirror";
  consumer.period = PeriodId(7);
  consumer.handled = SequenceNumber(299);
  consumer.added_usec = kStart;
  consumer.moved_usec = kStart;
  consumer.max_lag_usec = std::int64_t{7} * 86'400 * 1'000'000;
  consumer.config_hash = "v1";
  consumer.paths = {"/srv"};
  CHECK(example["default/consumer key"] == std::string(kConsumerPrefix) + consumer.name);
  CHECK(example["default/consumer value"] ==
        Made([&](std::string* out) { EncodeConsumer(consumer, out); }));
}

TEST_CASE("format.md: an actor") {
  Example example;
  const Record record = FirstRecord();
  CHECK(example["default/actor key"] == ActorKey(record.period, record.pid, record.sequence));
  CHECK(example["default/actor value"] == Made([](std::string* out) {
          EncodeActor({true, 1000, "vi", "cron.service"}, out);
        }));
}

TEST_CASE("format.md: a rollup") {
  Example example;
  constexpr RollupBlock kBlock{1, PeriodId(8)};
  Record record = FirstRecord();
  record.period = PeriodId(9);
  record.sequence = SequenceNumber(310);
  record.time_usec = kStart + 1'000'000;
  record.operations = kModified;
  record.name = "report.old";
  RollupRowWriter writer(kBlock.first, kStart);
  writer.Add(record);
  const std::vector<RollupRow> rows = writer.Finish();
  REQUIRE(rows.size() == 1);
  CHECK(example["rollups/1-8 key"] == RollupKey({kBlock, record.sequence}));
  CHECK(example["rollups/1-8 value"] == rows.front().value);
  CHECK(example["rollups/1-8-state key"] == RollupStateKey(kBlock));
  CHECK(example["rollups/1-8-state value"] == Made([](std::string* out) {
          EncodeRollupState({RollupState::Kind::kMade, 1}, out);
        }));
}

TEST_CASE("format.md: directories and links") {
  Example example;
  DeadDirectory dead{VolumeId(1), InodeHandle(13, 0), kDirectoryHandle, "draft", PeriodId(7)};
  CHECK(example["directories/1 key"] == DirectoryKey(dead.volume, dead.directory));
  CHECK(example["directories/1 value"] ==
        Made([&](std::string* out) { EncodeDeadDirectory(dead, out); }));
  LinkName link{VolumeId(1), kFile, kDirectoryHandle, "report.old"};
  CHECK(example["links/1 key"] == LinkKey(link));
  CHECK(example["links/1 value"].empty());
  // Two parts of each of the entries: none of them is unchecked.
  CHECK(example.size() == 22);
}

}  // namespace
}  // namespace cj
