// A walk over everything below a directory, a step at a time: what --expand and the search for hard
// links need, and the only walks in this program. Symbolic links are not followed, other file
// systems not entered. Holds no descriptor between steps; memory is that of one directory's names
// plus the subdirectories still to come. What vanishes meanwhile is left out. Not thread-safe.
#pragma once

#include <sys/stat.h>

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

  // `root` itself is not a member. A root that is not a directory has none,
  // and neither has an empty one.
  explicit TreeWalk(std::string root);

  // The members of the next directory; false when there is no directory left.
  Result<bool> NextDirectory(std::vector<Member>* members);

 private:
  std::vector<std::string> pending_;
  dev_t device_ = 0;
  bool began_ = false;
};

}  // namespace cj
