// Finds the victims of renames. A rename over an existing file sends RENAME and then a nameless
// ATTRIB for the victim, whose name is in no event (for a directory: ATTRIB of "." in the victim).
// This joins the two: a nameless ATTRIB that is the next event of the same process after a RENAME
// belongs to a victim, unless the event after it deletes or links that very object (unlink(2) and
// link(2) begin with a nameless ATTRIB, too).
//
// The result is a hint that makes answers say "modified" where they would say "created"; cover does
// not depend on it. So a small bounded memory does: kRemembered processes, forgotten oldest first.
// Not thread-safe: the writer's.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "fanotify/event.h"
#include "fanotify/file_handle.h"
#include "fanotify/volume.h"

namespace cj {

// `victim` lost its name (parent, name) to a rename.
struct Replacement {
  VolumeId volume;
  std::int32_t pid = 0;
  FileHandle victim;
  FileHandle parent;
  std::string name;
  bool directory = false;  // it was an empty directory, and is dead now
  bool late = false;       // the end of a batch was between the rename and what tells of the victim
};

class RecentRenames {
 public:
  static constexpr std::size_t kRemembered = 16;

  // To be called for every event with a process, in order, before anything else is done with it.
  // May give a replacement that an earlier event was part of.
  std::optional<Replacement> Observe(VolumeId volume, const Event& event);
  // True when the event was just taken for what happened to a victim.
  bool HoldsVictim(const Event& event);
  // At the end of a batch, until it gives no more: a replacement that no later event can cast doubt
  // on.
  std::optional<Replacement> TakePending();

 private:
  struct Rename {
    bool used = false;
    bool of_this_batch = true;
    FileHandle object;
    Replacement replacement;  // the victim is empty until its ATTRIB has come
  };
  Rename* Find(std::int32_t pid);
  void Remember(VolumeId volume, const Event& event);

  std::array<Rename, kRemembered> renames_;
  std::size_t next_ = 0;  // where the next one goes when the process has none yet
};

}  // namespace cj
