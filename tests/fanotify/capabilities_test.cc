#include "fanotify/capabilities.h"

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "../support/filesystems.h"
#include "../support/on_every_filesystem.h"

namespace cj {
namespace {

const Finding* Find(const std::vector<Finding>& findings, const std::string& name) {
  const auto found = std::find_if(findings.begin(), findings.end(),
                                  [&](const Finding& finding) { return finding.name == name; });
  return found == findings.end() ? nullptr : &*found;
}

void CheckWellFormed(const std::vector<Finding>& findings) {
  std::set<std::string> names;
  for (const Finding& finding : findings) {
    INFO(finding.name);
    CHECK(names.insert(finding.name).second);
    CHECK_FALSE(finding.meaning.empty());
    if (finding.required && !finding.available) CHECK_FALSE(finding.remedy.empty());
  }
}

}  // namespace

TEST_CASE("the kernel that these tests run on has all that is required") {
  const auto findings = ProbeKernel();
  CheckWellFormed(findings);
  for (const Finding& finding : findings) {
    INFO(finding.name << ": " << finding.remedy);
    if (finding.required) CHECK(finding.available);
  }
  REQUIRE(Find(findings, "post-events") != nullptr);
  REQUIRE(Find(findings, "map-files") != nullptr);
}

TEST_CASE(
    "filesystems: post marks everywhere, pre-access not on tmpfs, invisible changes are told") {
  const auto kernel = ProbeKernel();
  OnEveryFilesystem([&](TestFilesystem& filesystem) {
    const auto findings = ProbeFilesystem(filesystem.path());
    CheckWellFormed(findings);
    CHECK(Find(findings, "post-marks")->available);
    CHECK(Find(findings, "filesystem-errors")->available);
    CHECK(Find(findings, "pre-open")->available);
    CHECK(Find(findings, "pre-access")->available ==
          (filesystem.type() != "tmpfs" && Find(kernel, "pre-access")->available));
    CHECK(Find(findings, "lasting-identity")->available);
    for (const char* name : {"inode-flags", "access-times", "block-device-writes"}) {
      REQUIRE(Find(findings, name) != nullptr);
      CHECK_FALSE(Find(findings, name)->available);
      CHECK_FALSE(Find(findings, name)->required);
    }
  });
}

TEST_CASE("what the kernel offers does not depend on the filesystem of the root directory") {
  const auto here = ProbeKernel();
  OnEveryFilesystem([&](TestFilesystem& filesystem) {
    for (const char* name : {"rename-events", "ignore-marks", "pre-access"}) {
      INFO(name);
      const pid_t child = ::fork();
      REQUIRE(child >= 0);
      if (child == 0) {
        if (::chroot(filesystem.path().c_str()) != 0 || ::chdir("/") != 0) ::_exit(2);
        const auto there = ProbeKernel();
        ::_exit(Find(there, name)->available ? 1 : 0);
      }
      int status = 0;
      REQUIRE(::waitpid(child, &status, 0) == child);
      REQUIRE(WIFEXITED(status));
      CHECK(WEXITSTATUS(status) == (Find(here, name)->available ? 1 : 0));
    }
  });
}

TEST_CASE("what cannot be watched says why") {
  for (const char* path : {"/proc", "/no/such/directory", "relative"}) {
    INFO(path);
    const auto findings = ProbeFilesystem(path);
    CheckWellFormed(findings);
    CHECK_FALSE(Find(findings, "post-marks")->available);
  }
}

}  // namespace cj
