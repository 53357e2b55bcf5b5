#include "service/evidence.h"

#include <vector>

#include "base/text.h"

namespace cj {

Evidence::Evidence(std::string path) : path_(std::move(path)), names_{path_}, carried_{path_} {}

template <typename T>
void Evidence::Learn(T thing, std::set<T>* known) {
  if (known->count(thing) != 0) return;
  if (known->size() >= kMaxFollowed) {
    complete_ = false;
    return;
  }
  known->insert(std::move(thing));
  learnt_ = true;
}

void Evidence::Follow(VolumeId volume, const FileHandle& object) {
  if (!object.empty()) Learn(Object(volume.value, object.encoded), &objects_);
}

bool Evidence::IsNamed(const LogEntry& entry) const {
  return names_.count(entry.path) != 0 || names_.count(entry.from) != 0;
}

// Of a directory that was renamed it also teaches where the path was, or came to be.
bool Evidence::IsAbove(const LogEntry& entry) {
  const std::uint32_t operations = entry.record.operations;
  if ((operations & kDirectory) == 0 || (operations & (kEntryOperations | kCrawled)) == 0) {
    return false;
  }
  bool above = false;
  std::vector<std::string> places;
  for (const std::string& known : carried_) {
    for (const auto& [is, was] :
         {std::pair(&entry.path, &entry.from), {&entry.from, &entry.path}}) {
      if (is->empty() || !PathIsBelow(*is, known)) continue;
      above = true;
      if (!was->empty()) places.push_back(*was + known.substr(*is == "/" ? 0 : is->size()));
    }
  }
  for (std::string& place : places) Learn(std::move(place), &carried_);
  return above;
}

bool Evidence::IsMember(const LogEntry& entry) const {
  if ((entry.record.operations & kEntryOperations) == 0) return false;
  auto in_it = [&](const std::string& path) {
    return !path.empty() && path != path_ && SplitPath(path).directory == path_;
  };
  return in_it(entry.path) || in_it(entry.from);
}

std::optional<EvidenceRole> Evidence::Judge(const LogEntry& entry) {
  const Record& record = entry.record;
  if (IsNamed(entry)) {
    Follow(record.volume, record.object);
    if ((record.operations & kRenamed) != 0) {
      for (const std::string* name : {&entry.path, &entry.from}) {
        if (name->empty()) continue;
        Learn(*name, &names_);
        Learn(*name, &carried_);
      }
    }
    const bool itself = entry.path == path_ || entry.from == path_;
    return itself ? EvidenceRole::kName : EvidenceRole::kFormer;
  }
  if (!record.object.empty() &&
      objects_.count(Object(record.volume.value, record.object.encoded)) != 0) {
    const bool directory = (record.operations & kDirectory) != 0;
    return directory ? EvidenceRole::kFormer : EvidenceRole::kLink;
  }
  if (IsAbove(entry)) return EvidenceRole::kAbove;
  if (IsMember(entry)) return EvidenceRole::kMember;
  return std::nullopt;
}

}  // namespace cj
