// Folding: many records become one entry per name and per object. Pure: no file system, no store.
// Not thread-safe.
//
// What is kept and why:
//  - A *name* is (volume, directory handle, file name). Every name that an entry record touched is
//    in the result, whatever happened to it later: the reader of the previous answer may have seen
//    any state in between (docs/answers.md), so nothing that was touched vanishes; what came and
//    went is only marked as transient when it is classified.
//  - Order: records come in the order in which the kernel queued them, but the operations merged
//    into one record have none, and a later operation may hide in an earlier record. Two things
//    survive merging and are relied on: the first record of a name holds the name's first
//    operation, and no touched name is missing. What a name is *now* is asked of the tree, not of
//    the records.
//  - An *object* (volume, file handle) collects its classes of change, so that a change made
//    through one name shows at all of them.
//
// Memory: about 100 bytes and the name for each distinct name, 64 bytes and the handle for each
// distinct object and directory; Add() refuses (kLimit) beyond max_names.
#pragma once

#include <cstdint>
#include <memory_resource>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "journal/index_table.h"
#include "journal/record.h"

namespace cj {

using ObjectIndex = std::uint32_t;
using DirectoryIndex = std::uint32_t;
using NameIndex = std::uint32_t;

// What the records tell of a name at the start of the interval, or at its end. Unknown at the
// start: its first record is a rename onto it, and none tells of something that it replaced.
enum class Existence : std::uint8_t { kUnknown, kAbsent, kPresent };

enum ChangeClass : std::uint8_t {
  kEntryClass = 1,
  kDataClass = 2,
  kMetadataClass = 4,
  kMaybeClass = 8,  // kDataClass is there for an intent alone
};

struct FoldedName {
  DirectoryIndex directory = kNone;
  std::string_view name;
  Existence before = Existence::kUnknown;
  Existence after = Existence::kUnknown;  // only as good as the order of records: see above
  bool directory_before = false;          // the object that was here first is a directory
  bool directory_after = false;           // the object that was here last is a directory
  bool directory_left = false;            // some directory that was here at some time went
  std::uint8_t classes = 0;               // ChangeClass bits of records with this name
  ObjectIndex object_before = kNone;      // set when `before` is kPresent
  ObjectIndex object_after = kNone;       // the object of the last record with this name
};

struct FoldedObject {
  VolumeId volume;
  std::string_view handle;        // FileHandle::encoded
  NameIndex name_before = kNone;  // where it was first, if it was there before the interval
  std::uint8_t classes = 0;
  bool is_directory = false;
  bool renamed = false;      // some record renamed it
  bool moved = false;        // ... from one directory to another, perhaps out of every watch
  bool moved_again = false;  // ... more than once
  bool created = false;      // some record made it
  bool linked = false;       // some record made a further name of it
  bool unlinked = false;     // some record took a name from it
  bool nameless = false;     // changed without a name in the record
};

// A file that was opened for writing within the interval. Alone it says nothing of a change: who
// folds says what came of it (Settle).
struct FoldedIntent {
  ObjectIndex object = kNone;
  NameIndex name = kNone;  // kNone: not known
  // Of the first record: until then nobody had it open for writing within the interval.
  std::int64_t time_usec = 0;
  std::int64_t ctime_nsec = 0;
};

struct FoldedDirectory {
  VolumeId volume;
  std::string_view handle;
  std::vector<NameIndex> names;
  bool entries_changed = false;  // its own mtime changed, too
  bool self_metadata = false;    // its own attributes changed
  bool crawled = false;          // a crawl could not tell what came and went below it
};

// One rename of a directory, as one record has it.
struct DirectoryMove {
  ObjectIndex object = kNone;
  NameIndex from = kNone;
  NameIndex to = kNone;
};

class Fold {
 public:
  explicit Fold(std::size_t max_names) : max_names_(max_names) {}

  // Records in the order of their sequence. kLimit: more distinct names than max_names.
  Status Add(const Record& record);
  // Of a record that is not added: that its directory was touched by these operations.
  DirectoryIndex NoteDirectory(VolumeId volume, const FileHandle& directory,
                               std::uint32_t operations);

  const std::vector<FoldedDirectory>& directories() const { return directories_; }
  const std::vector<FoldedName>& names() const { return names_; }
  const std::vector<FoldedObject>& objects() const { return objects_; }
  const std::vector<DirectoryMove>& moves() const { return moves_; }
  const std::vector<FoldedIntent>& intents() const { return intents_; }
  // The file of this intent has changed, or that cannot be ruled out.
  void Settle(const FoldedIntent& intent);
  std::uint64_t records() const { return records_; }

  // kNone where no record speaks of it.
  ObjectIndex FindObject(VolumeId volume, const FileHandle& handle) const;
  DirectoryIndex FindDirectory(VolumeId volume, const FileHandle& handle) const;
  NameIndex FindName(DirectoryIndex directory, std::string_view name) const;
  // Adds an object that no record may have: a file below a directory that moved.
  ObjectIndex AddObject(VolumeId volume, const FileHandle& handle) {
    return InternObject(volume, handle);
  }

 private:
  ObjectIndex FindObject(std::uint32_t hash, VolumeId volume, std::string_view handle) const;
  DirectoryIndex FindDirectory(std::uint32_t hash, VolumeId volume, std::string_view handle) const;
  NameIndex FindName(std::uint32_t hash, DirectoryIndex directory, std::string_view name) const;
  std::string_view Keep(std::string_view bytes);
  ObjectIndex InternObject(VolumeId volume, const FileHandle& handle);
  DirectoryIndex InternDirectory(VolumeId volume, const FileHandle& handle);
  NameIndex InternName(DirectoryIndex directory, std::string_view name);
  void Appear(NameIndex name, ObjectIndex object, Existence before, bool is_directory);
  void Disappear(NameIndex name, ObjectIndex object, bool is_directory);
  bool CameWithin(ObjectIndex object) const;
  void SetBefore(NameIndex name, ObjectIndex object, bool is_directory);
  void AddEntry(const Record& record, ObjectIndex object);
  void AddRename(const Record& record, ObjectIndex object);
  void AddIntent(const Record& record, ObjectIndex object);

  std::size_t max_names_;
  std::pmr::monotonic_buffer_resource arena_{1 << 16};
  std::vector<FoldedName> names_;
  std::vector<FoldedObject> objects_;
  std::vector<FoldedDirectory> directories_;
  IndexTable object_index_;
  IndexTable directory_index_;
  IndexTable name_index_;
  std::vector<DirectoryMove> moves_;
  std::vector<FoldedIntent> intents_;
  std::unordered_map<ObjectIndex, std::uint32_t> first_intent_;  // object → intents_
  std::uint64_t records_ = 0;
};

}  // namespace cj
