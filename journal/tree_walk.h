// A walk over everything below a directory, a step at a time: what --expand and the search for hard
// links need, and the only walks in this program. Symbolic links are not followed, other file
// systems not entered. Holds no descriptor between steps; memory is that of one directory's names
// plus the subdirectories still to come. What vanishes meanwhile is left out. Not thread-safe.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

namespace cj {

class TreeWalk {
 public:
  struct Member {
    std::string path;
    struct stat status {};
  };

  // False: the walk leaves out what is in this directory.
  using Enter = std::function<bool(const std::string& directory)>;

  // `root` itself is not a member. A root that is not a directory has none,
  // and neither has an empty one. Without `enter` every directory is entered.
  explicit TreeWalk(std::string root, Enter enter = {});

  // The members of the next directory; false when there is no directory left.
  Result<bool> NextDirectory(std::vector<Member>* members);

 private:
  std::vector<std::string> pending_;
  Enter enter_;
  dev_t device_ = 0;
  bool began_ = false;
};

}  // namespace cj
