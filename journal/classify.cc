#include "journal/classify.h"

#include <sys/stat.h>

namespace cj {
namespace {

// In all that follows: where a directory has left the name (`directory_left`), a reader may have
// copied what was in it. Its members went with it, and no record names them here, whatever the name
// is now: a file, or nothing, or a directory that is made before the reader looks.

std::optional<Change> Gone(const Situation& situation) {
  const NameFacts& facts = situation.facts;
  // Without an entry record the name cannot have gone within the interval: it never was there (an
  // O_TMPFILE's fiction), or its deletion comes with the next answer.
  if ((facts.classes & kEntryClass) == 0) return std::nullopt;
  Change change;
  change.kind = ChangeKind::kDeleted;
  if (situation.renamed_away) {
    // It is told where it is now; the rename of a directory speaks of all below its former name.
    if (!facts.directory_left || facts.directory_before) return std::nullopt;
    change.type = FileType::kDirectory;
    change.recursive = true;
    change.transient = true;
    return change;
  }
  bool directory =
      facts.before == Existence::kPresent ? facts.directory_before : facts.directory_after;
  change.type = directory ? FileType::kDirectory : FileType::kFile;
  change.recursive = directory || facts.directory_left;
  change.transient = facts.before != Existence::kPresent;
  return change;
}

// A directory whose object was renamed at some time may have been outside of every watch meanwhile:
// what happened to its members there was not recorded.
bool MayHideChanges(const Situation& situation) {
  return situation.subvolume || situation.object == nullptr || situation.object->renamed;
}

Change SameObject(const Situation& situation, Change change) {
  const FoldedObject& object = *situation.object;
  change.kind = ChangeKind::kModified;
  const bool left =
      object.moved || object.linked || object.unlinked || situation.may_have_changed_unseen;
  if (left && !S_ISDIR(situation.now.mode)) {
    // It was in another directory, or had a name there; that one may not have been watched.
    change.data = true;
    change.metadata = true;
  }
  change.recursive =
      (S_ISDIR(situation.now.mode) && object.renamed) || situation.facts.directory_left;
  change.transient = !change.data && !change.metadata && !change.recursive;
  if (!change.data) change.metadata = true;  // its change time, at least
  return change;
}

Change OtherObject(const Situation& situation, Change change) {
  change.kind = ChangeKind::kModified;
  change.data = true;
  change.metadata = true;
  change.recursive = situation.facts.directory_before || situation.facts.directory_left ||
                     S_ISDIR(situation.now.mode);
  return change;
}

Change Here(const Situation& situation, Change change) {
  const NameFacts& facts = situation.facts;
  bool directory = S_ISDIR(situation.now.mode);
  if (situation.renamed_here) {
    change.kind = ChangeKind::kRenamed;
    // Changes of it that nobody recorded because it was in no watch.
    change.data |= situation.may_have_changed_unseen && !directory;
    change.metadata |= situation.may_have_changed_unseen && !directory;
    change.recursive = directory || facts.directory_before || facts.directory_left;
    return change;
  }
  if (facts.before == Existence::kPresent) {
    bool same = situation.object != nullptr && facts.object_before == situation.object_index;
    return same ? SameObject(situation, change) : OtherObject(situation, change);
  }
  change.kind = ChangeKind::kCreated;
  change.recursive = (directory && MayHideChanges(situation)) || facts.directory_left;
  return change;
}

}  // namespace

FileType TypeOf(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return FileType::kDirectory;
    case S_IFLNK:
      return FileType::kSymlink;
    case S_IFIFO:
      return FileType::kFifo;
    case S_IFSOCK:
      return FileType::kSocket;
    case S_IFCHR:
      return FileType::kChar;
    case S_IFBLK:
      return FileType::kBlock;
    default:
      return FileType::kFile;
  }
}

NameFacts FactsOf(const FoldedName& name) {
  NameFacts facts;
  facts.before = name.before;
  facts.after = name.after;
  facts.directory_before = name.directory_before;
  facts.directory_after = name.directory_after;
  facts.directory_left = name.directory_left;
  facts.classes = name.classes;
  facts.object_before = name.object_before;
  facts.object_after = name.object_after;
  return facts;
}

void Merge(NameFacts* facts, const FoldedName& name) {
  if (name.before == Existence::kPresent ||
      (name.before == Existence::kAbsent && facts->before == Existence::kUnknown)) {
    // Only one of the two directories stood here at the start; a name that was in either of them is
    // taken as one that was here.
    if (facts->before != Existence::kPresent) {
      facts->before = name.before;
      facts->object_before = name.object_before;
      facts->directory_before = name.directory_before;
    }
  }
  facts->after = name.after;
  facts->object_after = name.object_after;
  facts->directory_after = name.directory_after;
  facts->directory_left |= name.directory_left;
  facts->classes |= name.classes;
}

std::optional<Change> Classify(const Situation& situation) {
  if (!situation.exists) return Gone(situation);
  Change change;
  change.type = TypeOf(situation.now.mode);
  std::uint8_t classes = situation.facts.classes;
  if (situation.object != nullptr) classes |= situation.object->classes;
  change.data = (classes & kDataClass) != 0;
  change.metadata = (classes & kMetadataClass) != 0;
  if ((situation.facts.classes & kEntryClass) != 0) return Here(situation, change);
  change.kind = ChangeKind::kModified;
  if (!change.data && !change.metadata) return std::nullopt;
  change.maybe = (classes & kMaybeClass) != 0 && !change.metadata;
  return change;
}

}  // namespace cj
