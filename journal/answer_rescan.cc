// The part of Answer that finds what no list of names can tell: whole trees that have to be scanned
// anew, told as `rescan`.
#include <unordered_set>

#include "base/text.h"
#include "journal/answer.h"

namespace cj {

// Something is mounted over what has changed: nobody can look at its names now.
void Answer::TellHidden() {
  for (const auto& [path, view] : hidden_) {
    if (!Covers(views_[view], path)) continue;
    rescan_reason_ = "what changed in " + path + " is hidden: something is mounted over it";
    rescans_.emplace_back(RescanOf(path), view);
  }
}

// Of a directory above watched trees: what led to them may have been another.
void Answer::RescanBelow(const Place& place) {
  for (const Watch& watch : views_[place.view].watches) {
    if (!PathIsBelow(place.path, watch.volume.path)) continue;
    rescan_reason_ = "what led to " + watch.volume.path + " while nobody listened is not known";
    rescans_.emplace_back(RescanOf(watch.volume.path), place.view);
  }
}

// Directories that a crawl found changed: what went from them nobody knows. Places are sorted, so
// that what lies below one of them follows it and needs no line of its own.
void Answer::FindCrawled() {
  const Place* above = nullptr;
  for (const Place& place : places_) {
    if (!fold_.directories()[place.directory].crawled) continue;
    if (!Covers(views_[place.view], place.path)) {
      RescanBelow(place);
      continue;
    }
    if (above != nullptr && above->view == place.view && PathContains(above->path, place.path)) {
      continue;
    }
    above = &place;
    rescan_reason_ = "what went from " + place.path + " while nobody listened is not known";
    rescans_.emplace_back(RescanOf(place.path), place.view);
    told_directories_.insert(place.path);
  }
}

// A directory above a watch's root was renamed, deleted or made: what is below the root now has
// little to do with what was there.
void Answer::FindLostRoots() {
  std::unordered_set<std::string> lost;
  for (const Place& place : places_) {
    const View& view = views_[place.view];
    if (Covers(view, place.path)) continue;
    for (NameIndex index : fold_.directories()[place.directory].names) {
      const FoldedName& name = fold_.names()[index];
      if ((name.classes & kEntryClass) == 0) continue;
      std::string path = JoinPath(place.path, name.name);
      for (const Watch& watch : view.watches) {
        if (PathIsBelow(path, watch.volume.path) && lost.insert(watch.volume.path).second) {
          rescan_reason_ = path + ", which leads to the watched tree, was renamed or replaced";
          rescans_.emplace_back(RescanOf(watch.volume.path), place.view);
        }
      }
    }
  }
}

void Answer::RescanAll(std::string reason) {
  rescan_reason_ = std::move(reason);
  rescan_all_ = true;
  places_.clear();
  rescans_.clear();
  ahead_.clear();
  former_.clear();
  for (std::uint32_t view = 0; view < views_.size(); ++view) {
    for (const Watch& watch : views_[view].watches) {
      rescans_.emplace_back(RescanOf(watch.volume.path), view);
    }
  }
}

}  // namespace cj
