#include "journal/fold.h"

#include <cstring>

namespace cj {
namespace {

std::uint8_t ClassesOf(std::uint32_t operations) {
  std::uint8_t classes = 0;
  if ((operations & kEntryOperations) != 0) classes |= kEntryClass;
  if ((operations & kDataOperations) != 0) classes |= kDataClass;
  if ((operations & kMetadataOperations) != 0) classes |= kMetadataClass;
  if ((operations & kCrawled) != 0) classes |= kDataClass | kMetadataClass;
  return classes;
}

}  // namespace

std::string_view Fold::Keep(std::string_view bytes) {
  if (bytes.empty()) return {};
  char* copy = static_cast<char*>(arena_.allocate(bytes.size(), 1));
  std::memcpy(copy, bytes.data(), bytes.size());
  return {copy, bytes.size()};
}

ObjectIndex Fold::FindObject(std::uint32_t hash, VolumeId volume, std::string_view handle) const {
  return object_index_.Find(hash, [&](ObjectIndex index) {
    return objects_[index].volume == volume && objects_[index].handle == handle;
  });
}

ObjectIndex Fold::FindObject(VolumeId volume, const FileHandle& handle) const {
  return FindObject(HashOf(volume.value, handle.encoded), volume, handle.encoded);
}

DirectoryIndex Fold::FindDirectory(std::uint32_t hash, VolumeId volume,
                                   std::string_view handle) const {
  return directory_index_.Find(hash, [&](DirectoryIndex index) {
    return directories_[index].volume == volume && directories_[index].handle == handle;
  });
}

DirectoryIndex Fold::FindDirectory(VolumeId volume, const FileHandle& handle) const {
  return FindDirectory(HashOf(volume.value, handle.encoded), volume, handle.encoded);
}

NameIndex Fold::FindName(std::uint32_t hash, DirectoryIndex directory,
                         std::string_view name) const {
  return name_index_.Find(hash, [&](NameIndex index) {
    return names_[index].directory == directory && names_[index].name == name;
  });
}

NameIndex Fold::FindName(DirectoryIndex directory, std::string_view name) const {
  return FindName(HashOf(directory, name), directory, name);
}

ObjectIndex Fold::InternObject(VolumeId volume, const FileHandle& handle) {
  if (handle.empty()) return kNone;
  const std::uint32_t hash = HashOf(volume.value, handle.encoded);
  ObjectIndex known = FindObject(hash, volume, handle.encoded);
  if (known != kNone) return known;
  FoldedObject object;
  object.volume = volume;
  object.handle = Keep(handle.encoded);
  objects_.push_back(object);
  ObjectIndex index = static_cast<ObjectIndex>(objects_.size() - 1);
  object_index_.Insert(hash, index);
  return index;
}

DirectoryIndex Fold::InternDirectory(VolumeId volume, const FileHandle& handle) {
  const std::uint32_t hash = HashOf(volume.value, handle.encoded);
  DirectoryIndex known = FindDirectory(hash, volume, handle.encoded);
  if (known != kNone) return known;
  FoldedDirectory directory;
  directory.volume = volume;
  directory.handle = Keep(handle.encoded);
  directories_.push_back(directory);
  DirectoryIndex index = static_cast<DirectoryIndex>(directories_.size() - 1);
  directory_index_.Insert(hash, index);
  return index;
}

NameIndex Fold::InternName(DirectoryIndex directory, std::string_view name) {
  const std::uint32_t hash = HashOf(directory, name);
  NameIndex known = FindName(hash, directory, name);
  if (known != kNone) return known;
  FoldedName folded;
  folded.directory = directory;
  folded.name = Keep(name);
  names_.push_back(folded);
  NameIndex index = static_cast<NameIndex>(names_.size() - 1);
  directories_[directory].names.push_back(index);
  name_index_.Insert(hash, index);
  return index;
}

// Only the first record of a name says what was there before the interval.
void Fold::SetBefore(NameIndex name, ObjectIndex object, bool is_directory) {
  FoldedName& folded = names_[name];
  folded.before = Existence::kPresent;
  folded.object_before = object;
  folded.directory_before = is_directory;
  if (object != kNone && objects_[object].name_before == kNone && !objects_[object].created) {
    objects_[object].name_before = name;
  }
}

// To any name, within the interval.
bool Fold::CameWithin(ObjectIndex object) const {
  return object != kNone && (objects_[object].renamed || objects_[object].created);
}

void Fold::Appear(NameIndex name, ObjectIndex object, Existence before, bool is_directory) {
  FoldedName& folded = names_[name];
  if ((folded.classes & kEntryClass) == 0) folded.before = before;
  folded.classes |= kEntryClass;
  folded.after = Existence::kPresent;
  folded.object_after = object;
  folded.directory_after = is_directory;
  directories_[folded.directory].entries_changed = true;
}

void Fold::Disappear(NameIndex name, ObjectIndex object, bool is_directory) {
  FoldedName& folded = names_[name];
  bool other_came = folded.after == Existence::kPresent && folded.object_after != object;
  bool first = (folded.classes & kEntryClass) == 0;
  folded.directory_left |= is_directory;
  bool exchanged = other_came && folded.before == Existence::kUnknown && !CameWithin(object);
  if (first || exchanged) SetBefore(name, object, is_directory);
  folded.classes |= kEntryClass;
  directories_[folded.directory].entries_changed = true;
  // An exchange: what came by its first half stays, and what leaves by its second was here before.
  if (other_came) return;
  folded.after = Existence::kAbsent;
  folded.object_after = object;
  folded.directory_after = is_directory;
}

void Fold::AddRename(const Record& record, ObjectIndex object) {
  bool is_directory = (record.operations & kDirectory) != 0;
  if (!record.old_parent.empty()) {
    NameIndex from = InternName(InternDirectory(record.volume, record.old_parent), record.old_name);
    Disappear(from, object, is_directory);
    if (is_directory && object != kNone) {
      NameIndex to = InternName(InternDirectory(record.volume, record.parent), record.name);
      moves_.push_back({object, from, to});
    }
  }
  if (object == kNone) return;
  objects_[object].renamed = true;
  if (record.old_parent == record.parent) return;
  objects_[object].moved_again |= objects_[object].moved;
  objects_[object].moved = true;
}

void Fold::AddEntry(const Record& record, ObjectIndex object) {
  bool is_directory = (record.operations & kDirectory) != 0;
  NameIndex name = InternName(InternDirectory(record.volume, record.parent), record.name);
  bool created = (record.operations & kCreated) != 0;
  bool deleted = (record.operations & kDeleted) != 0;
  if ((record.operations & kReplaced) != 0) {
    if (object != kNone) objects_[object].unlinked = true;
    // Follows the rename that did it: what was there before is known after all.
    // Not if the victim itself came here within the interval.
    if (names_[name].before == Existence::kUnknown && !CameWithin(object)) {
      SetBefore(name, object, is_directory);
    }
    return;
  }
  bool linked = (record.operations & kLinked) != 0;
  if (linked && object != kNone) objects_[object].linked = true;
  if (created && deleted && object != kNone) objects_[object].unlinked |= linked;
  if (created && deleted && linked) {
    // Merged: a further name made and deleted, or deleted and made again; the second is assumed.
    Disappear(name, object, is_directory);
    names_[name].after = Existence::kUnknown;
  } else if (created && deleted) {
    // An object is created once: it was not there before and is not any more.
    Appear(name, object, Existence::kAbsent, is_directory);
    names_[name].after = Existence::kAbsent;
    names_[name].directory_left |= is_directory;
    if (object != kNone) objects_[object].created = true;
  } else if (deleted) {
    if (object != kNone) objects_[object].unlinked = true;
    Disappear(name, object, is_directory);
  } else if (created) {
    if (object != kNone && !linked) objects_[object].created = true;
    Appear(name, object, Existence::kAbsent, is_directory);
  } else {
    Appear(name, object, Existence::kUnknown, is_directory);
  }
}

// Later ones at the same name say no more than the first.
void Fold::AddIntent(const Record& record, ObjectIndex object) {
  if (object == kNone) return;
  FoldedIntent intent;
  intent.object = object;
  if (!record.parent.empty()) {
    intent.name = InternName(InternDirectory(record.volume, record.parent), record.name);
    if (names_[intent.name].object_after == kNone) names_[intent.name].object_after = object;
  }
  intent.time_usec = record.time_usec;
  intent.ctime_nsec = record.ctime_nsec;
  auto [first, is_new] = first_intent_.emplace(object, static_cast<std::uint32_t>(intents_.size()));
  if (!is_new) {
    const FoldedIntent& known = intents_[first->second];
    if (known.name == intent.name) return;
    intent.time_usec = known.time_usec;
    intent.ctime_nsec = known.ctime_nsec;
  }
  intents_.push_back(intent);
}

void Fold::Settle(const FoldedIntent& intent) {
  const std::uint8_t known = objects_[intent.object].classes & (kDataClass | kMaybeClass);
  const std::uint8_t classes = known == kDataClass ? kDataClass : kDataClass | kMaybeClass;
  objects_[intent.object].classes |= classes;
  if (intent.name != kNone) {
    names_[intent.name].classes |= classes;
  } else {
    objects_[intent.object].nameless = true;
  }
}

DirectoryIndex Fold::NoteDirectory(VolumeId volume, const FileHandle& directory,
                                   std::uint32_t operations) {
  const DirectoryIndex index = InternDirectory(volume, directory);
  directories_[index].entries_changed |= (operations & kEntryOperations) != 0;
  return index;
}

Status Fold::Add(const Record& record) {
  ++records_;
  // Two names at most come with one record.
  if (names_.size() + 2 > max_names_) {
    return Error{ErrorCode::kLimit,
                 "the interval has more than " + std::to_string(max_names_) + " changed names"};
  }
  ObjectIndex object = InternObject(record.volume, record.object);
  if ((record.operations & kIntent) != 0) {
    AddIntent(record, object);
    return {};
  }
  bool is_directory = (record.operations & kDirectory) != 0;
  std::uint8_t classes = ClassesOf(record.operations);
  if (object != kNone) {
    objects_[object].classes |= static_cast<std::uint8_t>(classes & ~kEntryClass);
    objects_[object].is_directory |= is_directory;
  }
  if (is_directory && record.name == ".") {
    FoldedDirectory& directory = directories_[InternDirectory(record.volume, record.parent)];
    directory.self_metadata = true;
    directory.crawled |= (record.operations & kCrawled) != 0;
    return {};
  }
  if (record.parent.empty()) {
    if (object != kNone && classes != 0) objects_[object].nameless = true;
    return {};
  }
  if ((record.operations & kRenamed) != 0) AddRename(record, object);
  if ((classes & kEntryClass) != 0) AddEntry(record, object);
  NameIndex name = InternName(InternDirectory(record.volume, record.parent), record.name);
  names_[name].classes |= classes;
  if (names_[name].object_after == kNone) names_[name].object_after = object;
  return {};
}

}  // namespace cj
