#include "service/awaited_mounts.h"

#include <catch2/catch.hpp>

namespace cj {

TEST_CASE("what fstab mounts at a path or above it is waited for until it is there") {
  const std::string fstab =
      "# a comment\n"
      "UUID=1 / ext4 defaults 0 1\n"
      "UUID=2 /srv ext4 nofail 0 2\n"
      "UUID=3 /mnt/a\\040b xfs defaults 0 2\n"
      "/swap none swap sw 0 0\n"
      "damaged\n";
  CHECK(AwaitedMount(fstab, "/srv", "/") == "/srv");
  CHECK(AwaitedMount(fstab, "/srv/tree", "/") == "/srv");
  CHECK(AwaitedMount(fstab, "/mnt/a b", "/") == "/mnt/a b");
  // It is there, or below the path, or of another path.
  CHECK(AwaitedMount(fstab, "/srv/tree", "/srv").empty());
  CHECK(AwaitedMount(fstab, "/mnt", "/").empty());
  CHECK(AwaitedMount(fstab, "/srvx", "/").empty());
  CHECK(AwaitedMount(fstab, "/", "/").empty());
  CHECK(AwaitedMount("", "/srv", "/").empty());
}

}  // namespace cj
