// What one name's records and its present state come to: a table of cases as a pure function.
#pragma once

#include <cstdint>
#include <optional>

#include "fanotify/directories.h"
#include "journal/change.h"
#include "journal/fold.h"

namespace cj {

// The facts about one path. Where several directories stood at the path in the interval (one was
// deleted and made again), their names of the same spelling are merged into one of these.
struct NameFacts {
  Existence before = Existence::kUnknown;
  Existence after = Existence::kUnknown;
  bool directory_before = false;
  bool directory_after = false;
  bool directory_left = false;
  std::uint8_t classes = 0;
  ObjectIndex object_before = kNone;
  ObjectIndex object_after = kNone;
};

NameFacts FactsOf(const FoldedName& name);
// `facts` of a directory that stood at the path earlier (it is dead), `name` of a later one.
void Merge(NameFacts* facts, const FoldedName& name);

struct Situation {
  NameFacts facts;
  bool exists = false;  // at the end of the interval
  NameState now;        // of the tree; .mode is valid only if the name exists there
  const FoldedObject* object = nullptr;  // of the object that is there now, if records speak of it
  ObjectIndex object_index = kNone;
  bool renamed_here = false;  // the object came from another name that an answer can tell
  // The object was renamed, and may have been outside of every watch on its way, or have lived
  // through a gap.
  bool may_have_changed_unseen = false;
  bool renamed_away = false;  // the object that was here is reported as renamed from here
  bool subvolume = false;     // the root of a btrfs subvolume or snapshot: brings a tree along
};

// The change without its paths; nullopt: nothing to tell (the path is in nobody's way).
std::optional<Change> Classify(const Situation& situation);

FileType TypeOf(mode_t mode);

}  // namespace cj
