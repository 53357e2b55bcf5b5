// What the git hook has to ask of the work tree itself. System calls only; one thread.
#pragma once

#include <optional>
#include <string>

#include "client/git_names.h"

namespace cj::client {

// The directory that git has started us in. Nothing where it has no path.
struct GitTree {
  std::string top;    // absolute, without links
  std::string place;  // PlaceOf
};
std::optional<GitTree> CurrentGitTree();

// Something is mounted below the top, or that cannot be found out. The journal knows of one
// filesystem there, and what git sees changes without an event when it is taken off.
bool HasMounts(const std::string& top);

// AddDirectory() for every directory that is there at and below `below` (relative; empty: the top).
// What we may not read git may not either. Gives up at names that git may refuse.
void AddDirectories(const std::string& top, const std::string& below, GitNames* names);

// The same for every one of names->trees().
void AddTrees(const std::string& top, GitNames* names);

// AddTree() for those of names->touched() that we may not look into (any more).
void AddForbidden(const std::string& top, GitNames* names);

}  // namespace cj::client
