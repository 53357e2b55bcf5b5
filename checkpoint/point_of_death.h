// Instants at which the process may be ended and nothing must be lost. They do nothing, but in the
// build of this folder for tests/checkpoint/inheritance_test.cc, which ends the process at each of
// them and looks what the next one finds.
#pragma once

namespace cj {

#ifdef CJ_TEST_DEATH
void PointOfDeath(const char* name);
#else
inline void PointOfDeath(const char*) {}
#endif

}  // namespace cj
