// The oracle's verdict: what differs between the source and its mirror while nobody writes.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace cj::oracle {

struct Difference {
  std::string relative;  // "" for the root
  std::string what;      // "missing", "not deleted", "content,mtime", "hard links: ..."
};

enum class LinkRule {
  kSameGroups,       // names share an inode in the mirror exactly when they do in the source
  kNoLinkIsMissing,  // the mirror may have links too many, which is what rsync says of itself
};

// Walks both trees. `ignored` names relative paths to leave out, with all below them.
std::vector<Difference> Compare(const std::string& source, const std::string& mirror, LinkRule rule,
                                const std::function<bool(const std::string&)>& ignored);

}  // namespace cj::oracle
