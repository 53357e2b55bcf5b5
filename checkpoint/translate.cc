#include "checkpoint/translate.h"

#include <algorithm>
#include <string>

namespace cj {
namespace {

std::uint32_t OperationsOf(std::uint64_t mask) {
  struct Row {
    std::uint64_t bit;
    std::uint32_t operation;
  };
  static constexpr Row kRows[] = {
      {FAN_CREATE, kCreated},  {FAN_DELETE, kDeleted},          {FAN_RENAME, kRenamed},
      {FAN_MODIFY, kModified}, {FAN_CLOSE_WRITE, kClosedWrite}, {FAN_ATTRIB, kAttributes},
      {FAN_ONDIR, kDirectory},
  };
  std::uint32_t operations = 0;
  for (const Row& row : kRows) {
    if ((mask & row.bit) != 0) operations |= row.operation;
  }
  return operations;
}

std::uint8_t ClassesOf(std::uint32_t operations) {
  std::uint8_t classes = 0;
  if ((operations & kDataOperations) != 0) classes |= DedupeTable::kData;
  if ((operations & kMetadataOperations) != 0) classes |= DedupeTable::kMetadata;
  return classes;
}

void Fill(const Event& event, VolumeId volume, std::uint32_t operations, Record* record) {
  record->volume = volume;
  record->operations = operations;
  record->pid = event.pid;
  record->object = FileHandle(event.object);
  record->parent = FileHandle(event.parent);
  record->name = event.name;
}

}  // namespace

EventTranslator::EventTranslator(Scope& scope, std::span<const VolumeMount> volumes,
                                 const HashKey& key)
    : scope_(scope), dedupe_(key), links_(key) {
  AddVolumes(volumes);
}

// One that has gone stays known: events of it may still be queued.
void EventTranslator::AddVolumes(std::span<const VolumeMount> volumes) {
  for (const VolumeMount& volume : volumes) {
    auto same = [&](const KnownVolume& known) { return known.fsid == volume.fsid; };
    auto known = std::find_if(volumes_.begin(), volumes_.end(), same);
    if (known == volumes_.end()) known = volumes_.insert(known, KnownVolume());
    *known = {volume.fsid, volume.id, volume.path};
  }
}

const EventTranslator::KnownVolume* EventTranslator::FindVolume(FsId fsid) const {
  auto found = std::find_if(volumes_.begin(), volumes_.end(),
                            [&](const KnownVolume& volume) { return volume.fsid == fsid; });
  return found == volumes_.end() ? nullptr : &*found;
}

const EventTranslator::KnownVolume* EventTranslator::FindVolume(VolumeId id) const {
  auto found = std::find_if(volumes_.begin(), volumes_.end(),
                            [&](const KnownVolume& volume) { return volume.id == id; });
  return found == volumes_.end() ? nullptr : &*found;
}

VolumeId EventTranslator::VolumeOf(const Event& event) const {
  const KnownVolume* known = FindVolume(event.fsid);
  return known == nullptr ? VolumeId() : known->id;
}

std::string EventTranslator::PathOf(VolumeId volume) const {
  const KnownVolume* known = FindVolume(volume);
  return known == nullptr ? std::string() : known->path;
}

Record& EventTranslator::AddRecord(Translation* out) {
  out->batch.period = period_;
  Record& record = out->batch.records.emplace_back();
  record.sequence = next_sequence_;
  record.period = period_;
  next_sequence_ = next_sequence_.Next();
  return record;
}

void EventTranslator::AddGap(std::string_view volume, std::string_view cause,
                             const ReadTimes& times, Translation* out) {
  // The clock may have jumped back in between: a gap never ends before it begins.
  const std::int64_t from = std::min(times.since_usec, times.read_usec);
  for (Gap& gap : out->gaps) {
    if (gap.volume != volume || gap.cause != cause) continue;
    gap.from_usec = std::min(gap.from_usec, from);
    gap.to_usec = std::max(gap.to_usec, times.read_usec);
    return;
  }
  out->gaps.push_back({std::string(volume), from, times.read_usec, std::string(cause)});
}

// Also of what has a place in the queue behind the loss, but happened before it, nothing is known:
// it is looked at when its event is translated, which is later.
void EventTranslator::ForgetLearned() {
  dedupe_.Clear();
  scope_.DirectoryMoved();
}

// Events that do not tell a change but that changes cannot be told. False: the event is another
// one.
bool EventTranslator::TranslateTrouble(const Event& event, const ReadTimes& times,
                                       Translation* out) {
  if (event.overflow()) {
    ++counters_.overflows;
    ForgetLearned();
    AddGap("", "the kernel dropped events: its queue was full", times, out);
    return true;
  }
  const KnownVolume* volume = FindVolume(event.fsid);
  if (volume == nullptr) {
    scope_.DirectoryMoved();
    AddGap("", "events came from a filesystem that the journal does not know", times, out);
    return true;
  }
  if ((event.mask & FAN_FS_ERROR) != 0) {
    // What the error has done may be old, and has set no time of change: everything is in doubt.
    AddGap(volume->path, "the filesystem reported error " + std::to_string(event.fs_error),
           {0, times.read_usec}, out);
    return true;
  }
  return false;
}

void EventTranslator::Expect(const Event& event) {
  dedupe_.Prefetch(KeyOf(VolumeOf(event), event.object, {}, {}));
}

bool EventTranslator::Translate(const Event& event, const ReadTimes& times, Translation* out) {
  any_event_ = true;
  if (TranslateTrouble(event, times, out)) return false;
  const VolumeId volume = FindVolume(event.fsid)->id;
  if (event.pid != 0) {
    if (auto replacement = renames_.Observe(volume, event)) {
      AddReplacement(*replacement, times.read_usec, out);
    }
  }
  const std::uint32_t operations = OperationsOf(event.mask);
  if ((operations & kEntryOperations) != 0) {
    ExplainNameless(event, volume, operations);
    TranslateEntry(event, volume, operations, times, out);
    return false;
  }
  const bool nameless = event.parent.empty() && (operations & kDirectory) == 0;
  if (nameless && (operations & kAttributes) != 0) {
    links_.Mark(volume, event.object);
    dedupe_.Forget(KeyOf(volume, event.object, {}, {}), DedupeTable::kSingle);
  }
  if (nameless && operations == kAttributes) {
    TranslateNameless(event, volume, times.read_usec, out);
    return false;
  }
  return ClassesOf(operations) != 0 && TranslateContent(event, volume, operations, times, out);
}

void EventTranslator::TranslateNameless(const Event& event, VolumeId volume, std::int64_t now_usec,
                                        Translation* out) {
  if (event.pid != 0 && renames_.HoldsVictim(event)) return;
  const DedupeKey key = KeyOf(volume, event.object, {}, {});
  if (dedupe_.Knows(key, DedupeTable::kUnlinked)) {
    dedupe_.Forget(key, DedupeTable::kUnlinked);
    return;
  }
  if (auto oldest = attributes_.Add(volume, event)) AddNameless(*oldest, now_usec, out);
}

// The DELETE of a file that was made or written a moment ago merges with what came of that, which
// is before the nameless ATTRIB in the queue: the explanation comes first. One that has merged with
// nothing comes after its ATTRIB; if that is not there it has merged with an earlier one.
void EventTranslator::ExplainNameless(const Event& event, VolumeId volume,
                                      std::uint32_t operations) {
  if ((operations & (kCreated | kDeleted)) == 0 || event.on_directory()) return;
  const bool explained = attributes_.Explain(volume, event.object);
  if (explained || (operations & kDeleted) == 0 || operations == kDeleted) return;
  // Nor one of an object that has had one before, with which its own may have merged.
  if (links_.Contains(volume, event.object)) return;
  dedupe_.SeenOrAdd(KeyOf(volume, event.object, {}, {}), DedupeTable::kUnlinked);
}

void EventTranslator::AddNameless(const NamelessChange& change, std::int64_t now_usec,
                                  Translation* out) {
  const DedupeKey key = KeyOf(change.volume, change.object.view(), {}, {});
  if (dedupe_.SeenOrAdd(key, DedupeTable::kMetadata)) {
    ++counters_.duplicates;
    return;
  }
  Record& record = AddRecord(out);
  record.time_usec = now_usec;
  record.volume = change.volume;
  record.operations = kAttributes;
  record.pid = change.pid;
  record.object = change.object;
}

void EventTranslator::TranslateEntry(const Event& event, VolumeId volume, std::uint32_t operations,
                                     const ReadTimes& times, Translation* out) {
  const bool renamed = (operations & kRenamed) != 0;
  const bool directory = (operations & kDirectory) != 0;
  if (directory && renamed) scope_.DirectoryMoved();
  // Outside of every watch, too: events of what was in it may have been taken for ones inside,
  // because nobody can tell where a directory was that is gone. This can.
  if (directory && (operations & kDeleted) != 0 && !event.object.empty()) {
    dedupe_.SeenOrAdd(KeyOf(volume, event.object, {}, {}), DedupeTable::kUnlinked);
    out->batch.period = period_;
    out->batch.dead_directories.push_back({volume, FileHandle(event.object),
                                           FileHandle(event.parent), std::string(event.name),
                                           period_});
  }
  bool kept = event.parent.empty() || scope_.InScope(volume, event.parent, event.name);
  if (renamed && !kept) {
    kept = event.old_parent.empty() || scope_.InScope(volume, event.old_parent, event.old_name);
  }
  if (!kept) {
    // A change of content merges with the DELETE of the name that it was made through.
    const std::uint32_t content = operations & (kDataOperations | kMetadataOperations);
    if (content == 0 || directory) {
      ++counters_.out_of_scope;
    } else {
      TranslateContent(event, volume, content, times, out);
    }
    return;
  }
  RememberEntry(event, volume, operations);
  Record& record = AddRecord(out);
  Fill(event, volume, operations, &record);
  record.time_usec = times.read_usec;
  if (renamed) {
    record.old_parent = FileHandle(event.old_parent);
    record.old_name = event.old_name;
  }
  if (HasFurtherNames(event, volume, operations)) {
    if ((operations & kCreated) != 0) record.operations |= kLinked;
    out->batch.link_names.push_back({volume, record.object, record.parent, record.name});
  } else if (renamed) {
    scope_.NamesCame(volume, event.object, directory || event.object.empty());
  }
}

// True for a new name of a file that has others. A link shows by the nameless ATTRIB before it; a
// rename does not show, so the file itself is asked, unless it was made in this period and has not
// been linked since: programs make a file and rename it, over and over.
bool EventTranslator::HasFurtherNames(const Event& event, VolumeId volume,
                                      std::uint32_t operations) {
  if ((operations & (kCreated | kRenamed)) == 0 || event.on_directory() || event.object.empty()) {
    return false;
  }
  if (links_.Contains(volume, event.object)) return true;
  const DedupeKey object = KeyOf(volume, event.object, {}, {});
  const bool renamed = (operations & kRenamed) != 0;
  const bool ask = renamed ? !dedupe_.Knows(object, DedupeTable::kSingle) : links_may_be_lost_;
  if (ask && scope_.HasSeveralNames(volume, event.object)) return true;
  const bool made = (operations & kEntryOperations) == kCreated;
  if (made) dedupe_.SeenOrAdd(object, DedupeTable::kSingle);
  return false;
}

// What was known of the names that an entry event touches is known no more. Only a pure creation
// leaves what it was merged with: nothing can have taken the name away again.
void EventTranslator::RememberEntry(const Event& event, VolumeId volume, std::uint32_t operations) {
  const bool made = (operations & kEntryOperations) == kCreated;
  dedupe_.Set(KeyOf(volume, event.object, event.parent, event.name),
              made ? ClassesOf(operations) : std::uint8_t{0});
  if (apart_ && made && ClassesOf(operations) != 0) {
    IsOnRecord(KeyOf(volume, event.object, event.parent, event.name), ClassesOf(operations),
               event.pid);
  }
  if ((operations & kRenamed) != 0) {
    dedupe_.Forget(KeyOf(volume, event.object, event.old_parent, event.old_name));
  }
}

// True when a change of content under this name must be recorded.
bool EventTranslator::ContentInScope(const DedupeKey& key, bool directory) {
  if (key.parent.empty() || scope_.InScope(key.volume, key.parent, key.name)) return true;
  if (directory) return false;
  // Asked once per object, name and period. If the file gets a name in scope later in the period,
  // or a directory above it moves into it, that is an entry record that covers all of its content.
  if (dedupe_.Knows(key, DedupeTable::kOutside)) return false;
  if (dedupe_.Knows(key, DedupeTable::kSeveral)) return true;
  const bool further = scope_.HasFurtherNames(key.volume, key.object, key.parent, key.name);
  dedupe_.SeenOrAdd(key, further ? DedupeTable::kSeveral : DedupeTable::kOutside);
  return further;
}

// From now on it is. What answers need is judged without the process, and forgotten by the rules of
// dedupe.h; that this process did it is one more thing to be on record.
bool EventTranslator::IsOnRecord(const DedupeKey& key, std::uint8_t classes, std::int32_t pid) {
  const bool known = dedupe_.SeenOrAdd(key, classes);
  if (!apart_) return known;
  DedupeKey by_process = key;
  by_process.process = pid;
  return dedupe_.SeenOrAdd(by_process, classes) && known;
}

bool EventTranslator::TranslateContent(const Event& event, VolumeId volume,
                                       std::uint32_t operations, const ReadTimes& times,
                                       Translation* out) {
  const DedupeKey key = KeyOf(volume, event.object, event.parent, event.name);
  if (!ContentInScope(key, event.on_directory())) {
    ++counters_.out_of_scope;
    return false;
  }
  if (IsOnRecord(key, ClassesOf(operations), event.pid)) {
    ++counters_.duplicates;
    return true;
  }
  Record& record = AddRecord(out);
  Fill(event, volume, operations, &record);
  record.time_usec = times.read_usec;
  return false;
}

void EventTranslator::AddReplacement(const Replacement& replacement, std::int64_t now_usec,
                                     Translation* out) {
  // Should the hint be wrong, the directory lives, and its row is never asked for; or it was
  // deleted somewhere else, which is known for certain, and may have been read before (merged with
  // its creation).
  const DedupeKey victim = KeyOf(replacement.volume, replacement.victim.view(), {}, {});
  if (replacement.directory && !dedupe_.Knows(victim, DedupeTable::kUnlinked)) {
    out->batch.period = period_;
    out->batch.dead_directories.push_back(
        {replacement.volume, replacement.victim, replacement.parent, replacement.name, period_});
  }
  // The ATTRIB of a victim is right behind the RENAME. One that is not may tell of a file that
  // lives, and whose attributes were changed.
  if (replacement.late && !replacement.directory) {
    AddNameless({replacement.volume, replacement.pid, replacement.victim}, now_usec, out);
  }
  if (!scope_.InScope(replacement.volume, replacement.parent.view(), replacement.name)) return;
  dedupe_.Forget(KeyOf(replacement.volume, replacement.victim.view(), replacement.parent.view(),
                       replacement.name));
  Record& record = AddRecord(out);
  record.time_usec = now_usec;
  record.volume = replacement.volume;
  record.operations = kReplaced | (replacement.directory ? kDirectory : 0U);
  record.pid = replacement.pid;
  record.object = replacement.victim;
  record.parent = replacement.parent;
  record.name = replacement.name;
}

void EventTranslator::EndBatch(std::int64_t now_usec, Translation* out) {
  while (auto replacement = renames_.TakePending()) {
    AddReplacement(*replacement, now_usec, out);
  }
  while (auto change = attributes_.Take()) AddNameless(*change, now_usec, out);
  if (any_event_) links_may_be_lost_ = false;
}

}  // namespace cj
