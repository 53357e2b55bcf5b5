// The main() of all tests. Catch's own exits with the number of failures, of which 4 would be taken
// for a skip, and 256 for success.
#define CATCH_CONFIG_RUNNER
#include <catch2/catch.hpp>

#include "own_mounts.h"

int main(int argc, char** argv) {
  // Where that is not permitted, what mounts is skipped.
  (void)cj::EnterOwnMountNamespace().has_value();
  return Catch::Session().run(argc, argv) == 0 ? 0 : 1;
}
