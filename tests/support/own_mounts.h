// Leaves the mount namespace that we share with others: what we mount is seen by our children only,
// and goes when the last of them ends, however that comes about. And it is not copied by others who
// do the same: a filesystem that somebody else has mounted as well does not end with its umount.
//
// Of the calling thread, and those that it starts from then on.
#pragma once

#include "base/result.h"

namespace cj {

Status EnterOwnMountNamespace();

}  // namespace cj
