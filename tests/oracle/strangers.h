// Hard links that rsync leaves in a mirror where the source has none any more.
#pragma once

#include <string>

namespace cj::oracle {

// Gives every name in the mirror that shares an inode with the copy of another file an inode of its
// own, with the same content and attributes. rsync parts such names only where the content differs
// (rsync(1), --hard-links: "extraneous hard-links"); else it gives them all the attributes of one,
// however complete the list was that it went by. Nobody may write to the source meanwhile.
void PartStrangers(const std::string& source, const std::string& mirror);

}  // namespace cj::oracle
