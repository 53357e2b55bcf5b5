// Somebody who is not trusted with everything: he hears only of names that he could list himself
// (guarantee G8). docs/visibility.md says what follows from that. An interface, so that the journal
// knows nothing of users; service/user_viewer.h is the real one. Not thread-safe: one caller at a
// time, from any thread. Blocking: file system.
#pragma once

#include <string>

#include "fanotify/file_handle.h"

namespace cj {

class Viewer {
 public:
  virtual ~Viewer() = default;

  // A directory as he finds it now.
  struct Sight {
    bool searchable = false;  // it, and every directory above it
    bool listable = false;    // and it may be read
    bool missing = false;     // nothing is there
    FileHandle directory;     // which one he has found; only where it is listable
  };
  // Remembered until Forget(). What cannot be looked at is not listable.
  virtual Sight Look(const std::string& directory) = 0;

  // The name is there, in a directory that is listable. "/" always is.
  virtual bool Shows(const std::string& path) = 0;

  // Permissions may have changed since: to be called at the beginning of each step, and at its end,
  // because what is remembered keeps a directory open.
  virtual void Forget() = 0;
};

// A step of a viewer; null: of somebody who may hear of everything.
class ViewerStep {
 public:
  explicit ViewerStep(Viewer* viewer) : viewer_(viewer) {
    if (viewer_ != nullptr) viewer_->Forget();
  }
  ViewerStep(const ViewerStep&) = delete;
  ViewerStep& operator=(const ViewerStep&) = delete;
  ~ViewerStep() {
    if (viewer_ != nullptr) viewer_->Forget();
  }

 private:
  Viewer* viewer_;
};

}  // namespace cj
