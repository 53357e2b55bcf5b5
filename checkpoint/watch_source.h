// Where the watched trees are: asked before every flush and checkpoint, because filesystems come,
// go, come back as other devices, and are replaced by others at the same path.
#pragma once

#include <compare>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/strict_volume.h"
#include "fanotify/volume.h"
#include "journal/scope.h"

namespace cj {

// A cause of gaps; one gap, whoever finds it.
inline constexpr const char* kMountedAgain = "it was unmounted, and mounted again";

// What is watched, and on which filesystems.
struct Binding {
  std::vector<Watch> watches;
  std::vector<VolumeMount> volumes;  // of the watches that are bound, each once
  // Strict mode: the watches in it, and their volumes.
  std::vector<Watch> strict_watches;
  std::vector<StrictVolume> strict;
  std::string text;  // all that decides which events are recorded, as bytes to be compared
};

// A watched tree of which changes may be missed.
struct Unwatched {
  std::string path;      // as it was asked for
  std::string cause;     // empty: nothing was missed
  bool unknown = false;  // another tree than before: nothing that is in it is known
  friend auto operator<=>(const Unwatched&, const Unwatched&) = default;
};

struct Whereabouts {
  std::shared_ptr<const Binding> changed;  // null: as before
  std::vector<Unwatched> unwatched;        // found now: trees that have not been watched up to now
  bool blind = false;  // memory or descriptors were short: not everything could be looked at
};

// One caller at a time, from any thread. Looks at the paths; some microseconds for each when
// nothing has changed.
class WatchSource {
 public:
  virtual ~WatchSource() = default;
  virtual Whereabouts Look() = 0;
};

}  // namespace cj
