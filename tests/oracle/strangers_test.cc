#include "tests/oracle/strangers.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "tests/oracle/comparison.h"
#include "tests/oracle/process.h"
#include "tests/support/filesystems.h"

namespace cj::oracle {
namespace {

constexpr char kScript[] = R"(
set -e
mkdir source mirror source/d mirror/d
for name in source/{one,d/two}; do echo same >"$name"; done
ln source/d/two source/three
echo same >mirror/one
for name in mirror/{d/two,three}; do ln mirror/one "$name"; done
touch -d @1000000000 source/one mirror/one
touch -d @1000000001 source/d/two
touch -d @1000000002 source source/d mirror mirror/d
)";

constexpr char kRsync[] =
    "printf '%s\\n' one d/two three | "
    "rsync -aHAX --checksum --modify-window=-1 --files-from=- source/ mirror/";

// Runs in `directory`.
int Shell(const std::string& directory, const std::string& script) {
  const auto result = RunCommand({"bash", "-c", "cd " + directory + "\n" + script});
  return result ? result->exit_status : -1;
}

TEST_CASE("what rsync cannot part is parted, so that its attributes can be right") {
  const TemporaryDirectory work;
  const std::string source = work.path() + "/source";
  const std::string mirror = work.path() + "/mirror";
  REQUIRE(Shell(work.path(), kScript) == 0);
  const auto nothing = [](const std::string&) { return false; };
  const auto differences = [&] {
    return Compare(source, mirror, LinkRule::kNoLinkIsMissing, nothing);
  };

  // The fact itself: a complete list is not enough.
  REQUIRE(Shell(work.path(), kRsync) == 0);
  CHECK_FALSE(differences().empty());

  PartStrangers(source, mirror);
  struct stat one, two, three;
  REQUIRE(stat((mirror + "/one").c_str(), &one) == 0);
  REQUIRE(stat((mirror + "/d/two").c_str(), &two) == 0);
  REQUIRE(stat((mirror + "/three").c_str(), &three) == 0);
  CHECK(one.st_ino != two.st_ino);
  CHECK(two.st_ino == three.st_ino);
  REQUIRE(Shell(work.path(), kRsync) == 0);
  CHECK(differences().empty());
}

}  // namespace
}  // namespace cj::oracle
