// Any bytes are a value or damage; what was read as a value is written and read as the same one.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/check.h"
#include "journal/record_codec.h"
#include "journal/record_row.h"
#include "journal/rollup_row.h"

namespace {

constexpr std::int64_t kStart = 1'700'000'000'000'000;

std::vector<cj::Record> RecordsOf(const cj::RowReader& row) {
  std::vector<cj::Record> records(row.lost() ? 0 : row.size());
  for (std::size_t i = 0; i < records.size(); ++i) row.Get(i, kStart, &records[i]);
  return records;
}

void TryRow(std::string_view bytes) {
  cj::RowReader row;
  if (!row.Parse(bytes) || row.lost()) return;
  const std::vector<cj::Record> records = RecordsOf(row);
  cj::RowWriter writer;
  writer.Begin(kStart);
  for (const cj::Record& record : records) writer.Add(record);
  const std::string again = std::string(writer.Head()).append(writer.body());
  // Two bytes begin a row that was one record alone.
  CJ_CHECK(again.size() <= bytes.size() + (bytes[0] == 0 ? 0 : 2), "our form is the shortest");
  cj::RowReader second;
  CJ_CHECK(second.Parse(again).has_value(), "what we write, we read");
  CJ_CHECK(RecordsOf(second) == records, "as the same records");
}

void TryPeriod(std::string_view bytes) {
  auto period = cj::DecodePeriod(cj::PeriodId(1), bytes);
  if (!period) return;
  std::string again;
  cj::EncodePeriod(*period, &again);
  CJ_CHECK(*cj::DecodePeriod(cj::PeriodId(1), again) == *period, "as the same period");
}

void TryDirectory(std::string_view bytes) {
  cj::FileHandle handle;
  auto dead = cj::DecodeDeadDirectory(cj::VolumeId(1), handle, bytes);
  auto period = cj::PeekDeadDirectoryPeriod(bytes);
  if (!dead) return;
  CJ_CHECK(period.has_value() && *period == dead->period, "a peek sees what reading sees");
  std::string again;
  cj::EncodeDeadDirectory(*dead, &again);
  CJ_CHECK(*cj::DecodeDeadDirectory(cj::VolumeId(1), handle, again) == *dead, "as the same one");
}

void TryRollupRow(std::string_view bytes) {
  constexpr cj::PeriodId kFirst(64);
  constexpr cj::SequenceNumber kSequence(1000);
  cj::RollupRowReader row;
  if (!row.Parse(kFirst, kSequence, bytes)) return;
  cj::RollupRowWriter writer(kFirst, kStart);
  cj::Record record;
  for (std::size_t i = 0; i < row.size(); ++i) {
    row.Get(i, kStart, &record);
    writer.Add(record);
  }
  const std::vector<cj::RollupRow> again = writer.Finish();
  // What we write is of no more than one row, unless that was larger than we make them.
  cj::RollupRowReader second;
  std::size_t at = 0;
  for (const cj::RollupRow& each : again) {
    CJ_CHECK(second.Parse(kFirst, each.first, each.value).has_value(), "what we write, we read");
    for (std::size_t i = 0; i < second.size(); ++i, ++at) {
      cj::Record other;
      row.Get(at, kStart, &record);
      second.Get(i, kStart, &other);
      CJ_CHECK(record == other, "as the same records");
    }
  }
  CJ_CHECK(at == row.size(), "all of them");
}

void TryRollupState(std::string_view bytes) {
  auto state = cj::DecodeRollupState(bytes);
  if (!state) return;
  std::string again;
  cj::EncodeRollupState(*state, &again);
  CJ_CHECK(*cj::DecodeRollupState(again) == *state, "as the same state");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 8) {
    case 0:
      TryPeriod(bytes);
      break;
    case 1:
      TryDirectory(bytes);
      break;
    case 2:
      TryRollupState(bytes);
      break;
    case 3:
    case 4:
      TryRollupRow(bytes);
      break;
    default:
      TryRow(bytes);
  }
  return 0;
}
