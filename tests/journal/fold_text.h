// A fold as text, to compare two of them, and random records that are worth folding.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "journal/fold.h"

namespace cj {

// All that a fold knows, in an order that does not depend on that of its records.
std::vector<std::string> TextOf(const Fold& fold);

// Of few names in few directories, so that everything happens to each of them, also what no kernel
// would tell. Numbers and periods are the caller's.
// One of `others` is not only of data and attributes.
Record RandomChange(std::mt19937_64& random, std::uint64_t others);

}  // namespace cj
