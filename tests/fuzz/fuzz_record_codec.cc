// Any bytes are a value or damage; what was read as a value is written and read as the same one.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "journal/record_codec.h"

namespace {

constexpr std::int64_t kStart = 1'700'000'000'000'000;

void TryRecord(std::string_view bytes) {
  cj::Record record;
  if (!cj::DecodeRecord(bytes, kStart, &record)) return;
  std::string again;
  cj::EncodeRecord(record, kStart, &again);
  CJ_CHECK(again.size() <= bytes.size(), "the encoder's form is the shortest");
  cj::Record second;
  CJ_CHECK(cj::DecodeRecord(again, kStart, &second).has_value(), "what we write, we read");
  CJ_CHECK(second == record, "as the same record");
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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      TryPeriod(bytes);
      break;
    case 1:
      TryDirectory(bytes);
      break;
    default:
      TryRecord(bytes);
  }
  return 0;
}
