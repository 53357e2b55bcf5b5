#include "tests/checkpoint/harness.h"

#include <sys/fanotify.h>

#include <utility>

#include "base/check.h"

namespace cj {

VolumeMount TestVolume(std::uint32_t number) {
  VolumeMount volume;
  volume.id = VolumeId(number);
  volume.fsid = FsId{number};
  volume.path = "/v" + std::to_string(number);
  return volume;
}

FileHandle TestHandle(const std::string& bytes) {
  return FileHandle(HandleView{kTestHandleType, bytes});
}

SpoolMemory NewSpoolMemory() {
  auto made = SpoolMemory::Create(kTestJournal, "all");
  CJ_CHECK(made.has_value(), "there is memory for a spool");
  return std::move(*made);
}

EventSpec FileEvent(std::uint64_t mask, const std::string& name) {
  EventSpec event;
  event.mask = mask;
  event.object = "o-" + name;
  event.parent = "dir";
  event.name = name;
  return event;
}

bool TestScope::InScope(VolumeId, HandleView directory, std::string_view) {
  return outside.count(std::string(directory.bytes)) == 0;
}

bool TestScope::HasSeveralNames(VolumeId, HandleView object) {
  ++asked_names;
  return several_names.count(std::string(object.bytes)) != 0;
}

void TestScope::NamesCame(VolumeId, HandleView object, bool directory) {
  names_came.push_back(std::string(object.bytes) + (directory ? "/" : ""));
}

bool TestScope::HasFurtherNames(VolumeId volume, HandleView object, HandleView, std::string_view) {
  return HasSeveralNames(volume, object);
}

Status TestEngine::Start() {
  auto started = StartEngine(kernel, store, scope, clock, volumes, options);
  if (!started) return std::move(started).error();
  engine = std::move(*started);
  return {};
}

std::vector<std::string> TestEngine::NamesIn(PeriodId period) const {
  std::vector<std::string> names;
  for (const Record& record : store.records()) {
    if (record.period == period) names.push_back(record.name);
  }
  return names;
}

}  // namespace cj
