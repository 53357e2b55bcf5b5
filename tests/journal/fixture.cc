#include "fixture.h"

#include <unistd.h>

#include <fstream>
#include <iterator>

#include "base/bytes.h"

namespace cj {

ScratchDirectory::ScratchDirectory(Medium medium) {
  std::filesystem::path base = std::filesystem::temp_directory_path();
  if (medium == Medium::kMemory && access("/dev/shm", W_OK) == 0) base = "/dev/shm";
  std::string name = (base / "cj-store-XXXXXX").string();
  REQUIRE(mkdtemp(name.data()) != nullptr);
  path_ = name;
}

ScratchDirectory::~ScratchDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string RandomRecords::Bytes(std::size_t most) {
  std::string bytes(Below(most + 1), '\0');
  for (char& byte : bytes) byte = static_cast<char>(engine_());
  return bytes;
}

FileHandle RandomRecords::Handle() {
  FileHandle handle;
  if (Below(4) != 0) handle.encoded = Bytes(Below(8) == 0 ? 129 : 9);
  return handle;
}

Record RandomRecords::Next() {
  Record record;
  // Half of the numbers are small, half use all bits: both ends of every varint.
  auto number = [this]() { return Below(2) == 0 ? engine_() : Below(1000); };
  record.time_usec = static_cast<std::int64_t>(number());
  record.volume = VolumeId(static_cast<std::uint32_t>(number()));
  record.operations = static_cast<std::uint32_t>(number()) & kAllOperations;
  record.pid = static_cast<std::int32_t>(number());
  record.object = Handle();
  record.parent = Below(3) == 0 ? record.object : Handle();
  record.name = Bytes(Below(8) == 0 ? 300 : 20);
  if ((record.operations & kRenamed) != 0) {
    record.old_parent = Below(2) == 0 ? record.parent : Handle();
    record.old_name = Bytes(20);
  }
  if ((record.operations & kIntent) != 0) record.ctime_nsec = static_cast<std::int64_t>(number());
  return record;
}

FileHandle HandleNumber(std::uint64_t number) {
  FileHandle handle;
  ByteWriter writer(&handle.encoded);
  writer.Byte(1);
  writer.Fixed64(number);
  return handle;
}

Record MakeRecord(PeriodId period, SequenceNumber sequence) {
  Record record;
  record.period = period;
  record.sequence = sequence;
  record.time_usec = 1'700'000'000'000'000 + static_cast<std::int64_t>(sequence.value);
  record.volume = VolumeId(1);
  record.operations = kModified | kClosedWrite;
  record.pid = 4242;
  record.object = HandleNumber(sequence.value);
  record.parent = HandleNumber(sequence.value / 16);
  record.name = "file-" + std::to_string(sequence.value);
  return record;
}

Batch NextBatch(const Store& store, std::size_t count) {
  Batch batch;
  batch.period = store.Periods().back().id;
  SequenceNumber sequence = store.next_sequence();
  for (std::size_t i = 0; i < count; ++i, sequence = sequence.Next()) {
    batch.records.push_back(MakeRecord(batch.period, sequence));
  }
  return batch;
}

std::unique_ptr<RocksStore> OpenStore(const std::string& path, const RocksStoreOptions& options) {
  Result<std::unique_ptr<RocksStore>> store = OpenRocksStore(path, options);
  if (!store) FAIL(store.error().message);
  return std::move(store).value();
}

void AppendRecords(Store& store, std::size_t count) {
  Status status = store.Append(NextBatch(store, count));
  if (!status) FAIL(status.error().message);
}

std::pair<PeriodInfo, PeriodInfo> PeriodTurn(const Store& store) {
  PeriodInfo sealed = store.OpenPeriod();
  sealed.end_usec = sealed.start_usec + 1'000'000;
  PeriodInfo opened;
  opened.id = sealed.id.Next();
  opened.start_usec = sealed.end_usec;
  return {sealed, opened};
}

void AdvanceStore(Store& store, std::size_t count) {
  const auto [sealed, opened] = PeriodTurn(store);
  Status status = store.Advance(NextBatch(store, count), sealed, opened);
  if (!status) FAIL(status.error().message);
}

ScanRange Everything() { return {PeriodId(0), PeriodId(~std::uint64_t{0}), {}, false}; }

std::vector<Record> ScanAll(const Store& store, const ScanRange& range) {
  Result<std::unique_ptr<RecordCursor>> cursor = store.Scan(range);
  if (!cursor) FAIL(cursor.error().message);
  std::vector<Record> records;
  Record record;
  for (;;) {
    Result<bool> more = (*cursor)->Next(&record);
    if (!more) FAIL(more.error().message);
    if (!*more) return records;
    records.push_back(record);
  }
}

std::map<std::string, std::string> Snapshot(const std::filesystem::path& directory) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    files[entry.path().filename()].assign(std::istreambuf_iterator<char>(in), {});
  }
  return files;
}

std::unique_ptr<RocksStore> SampleStore(const std::string& path) {
  auto store = OpenStore(path);
  AppendRecords(*store, 4);
  AppendRecords(*store, 3);
  AdvanceStore(*store, 3);
  AdvanceStore(*store);
  AppendRecords(*store, 1);
  AdvanceStore(*store, 4);
  AppendRecords(*store, 2);
  AppendRecords(*store, 1);
  return store;
}

}  // namespace cj
