// Any bytes are a key or damage, and a key has one spelling (links and volumes: one meaning).
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "journal/keys.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (auto position = cj::ParseRecordKey(bytes)) {
    CJ_CHECK(cj::RecordKey(*position) == bytes, "a record's key");
  }
  if (auto period = cj::ParsePeriodKey(bytes)) {
    CJ_CHECK(cj::PeriodKey(*period) == bytes, "a period's key");
  }
  if (auto block = cj::ParseRollupStateKey(bytes)) {
    CJ_CHECK(cj::RollupStateKey(*block) == bytes, "a rollup state's key");
  }
  if (auto row = cj::ParseRollupKey(bytes)) {
    CJ_CHECK(cj::RollupKey(*row) == bytes, "a rollup row's key");
  }
  if (auto link = cj::ParseLinkKey(bytes)) {
    std::string key = cj::LinkKey(*link);
    CJ_CHECK(*cj::ParseLinkKey(key) == *link, "a link's key");
    CJ_CHECK(key.starts_with(cj::LinkPrefix(link->volume, link->object)), "and its prefix");
  }
  if (auto identity = cj::ParseVolumeKey(bytes)) {
    CJ_CHECK(*cj::ParseVolumeKey(cj::VolumeKey(*identity)) == *identity, "a volume's key");
  }
  std::string end = cj::PrefixEnd(bytes);
  CJ_CHECK(end.empty() || end > bytes, "the end of a prefix follows it");
  return 0;
}
