// Views: the mounts through which the watches see their volumes. Two watches on one mount share a
// view; a bind mount of the same volume is another one, and a change shows in each. Pure, but for
// what a viewer looks at.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "fanotify/volume.h"
#include "journal/scope.h"
#include "journal/viewer.h"

namespace cj {

struct View {
  VolumeMount mount;  // `path` is the mount point, which outlives any watched directory
  std::vector<Watch> watches;
};

// A watch that was never bound to a volume has none.
std::vector<View> MakeViews(const std::vector<Watch>& watches);

// The mounts of the views, in order: what OpenDirectories() wants, so that a view's number is its
// mount index.
std::vector<VolumeMount> MountsOf(const std::vector<View>& views);

// True when some watch of the view covers the path.
bool Covers(const View& view, const std::string& path);

// True when some watch of the view lies below the path.
bool IsAboveWatch(const View& view, const std::string& path);

// Each path as far as the viewer may search for it, which is all that he may hear of excludes; the
// paths themselves without one.
std::vector<std::string> KnownParts(std::vector<std::string> paths, Viewer* viewer);

// kInvalidArgument: one of the paths lies under no watch and above none, or is excluded as far as
// the viewer knows it.
Status CheckWatched(const std::vector<std::string>& paths, const std::vector<Watch>& watches,
                    Viewer* viewer = nullptr);

// True when something below one of the paths (none: all that is watched) matches an exclude of a
// watch, or could if it were there: patterns are compared up to their first wildcard. Pure.
bool MayExcludeBelow(const std::vector<std::string>& paths, const std::vector<Watch>& watches);

}  // namespace cj
