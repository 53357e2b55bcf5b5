#include "checkpoint/crawl_echo.h"

#include <utility>

namespace cj {

void CrawlEcho::AddDirectory(VolumeId volume, const FileHandle& directory) {
  if (!directory.empty()) directories_.emplace(volume, directory);
}

bool CrawlEcho::Add(const Record& record) {
  const bool directory = (record.operations & kDirectory) != 0;
  if ((record.operations & kEntryOperations) != 0) {
    AddDirectory(record.volume, record.parent);
    AddDirectory(record.volume, record.old_parent);
  } else if (directory && (record.operations & kCrawled) != 0) {
    AddDirectory(record.volume, record.object);
  } else {
    return AddContent(record);
  }
  return HasRoom();
}

bool CrawlEcho::AddContent(const Record& record) {
  const bool directory = (record.operations & kDirectory) != 0;
  names_.insert({record.volume, record.object, record.parent, record.name, directory});
  return HasRoom();
}

std::vector<Record> CrawlEcho::Take() {
  std::vector<Record> records;
  for (const auto& [volume, directory] : std::exchange(directories_, {})) {
    Record& record = records.emplace_back();
    record.volume = volume;
    record.operations = kCrawled | kDirectory;
    record.object = directory;
    record.parent = directory;
    record.name.assign(1, '.');  // GCC 12 warns of "=" without a reason (its bug 105651)
  }
  for (const Name& name : std::exchange(names_, {})) {
    Record& record = records.emplace_back();
    record.volume = name.volume;
    // Of a directory only its own attributes are meant.
    record.operations = name.directory ? kAttributes | kDirectory : 0U | kCrawled;
    record.object = name.object;
    record.parent = name.parent;
    record.name = name.name;
  }
  return records;
}

}  // namespace cj
