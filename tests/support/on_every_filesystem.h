// Runs a part of a test on each of the filesystems on which everything has to work; one that the
// machine lacks is skipped, and says why. Within a Catch test.
#pragma once

#include <catch2/catch.hpp>
#include <functional>

#include "filesystems.h"

namespace cj {

inline void OnEveryFilesystem(const std::function<void(TestFilesystem& filesystem)>& body) {
  for (const std::string& type : TestedFilesystemTypes()) {
    auto filesystem = TestFilesystem::Create(type);
    if (!filesystem) {
      WARN("SKIPPED: " << filesystem.error().message);
      continue;
    }
    INFO(type);
    body(*filesystem);
  }
}

}  // namespace cj
