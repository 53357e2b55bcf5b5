// Making what a mirror lacks: one object that is no directory, with all that Object knows of it.
// Any thread.
#pragma once

#include <string>

#include "tests/oracle/tree.h"

namespace cj::oracle {

// Makes `name`, which must not be there. What fails shows in the next comparison.
void MakeObject(int directory, const std::string& name, const Object& wanted);
// Gives `name`, whose content is there already, the attributes of `wanted`.
void CopyAttributes(int directory, const std::string& name, const Object& wanted);

}  // namespace cj::oracle
