#include "base/memory_pressure.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <string>

namespace cj {
namespace {

TEST_CASE("memory: what meminfo says") {
  const std::string text =
      "MemTotal:       24689476 kB\nMemAvailable:   123 kB\nMem: 7 kB\nBad: kB\nEmpty:\n";
  CHECK(MeminfoBytes(text, "MemTotal") == std::uint64_t{24689476} * 1024);
  CHECK(MeminfoBytes(text, "MemAvailable") == 123 * 1024);
  CHECK(MeminfoBytes(text, "Mem") == 7 * 1024);
  CHECK_FALSE(MeminfoBytes(text, "Bad").has_value());
  CHECK_FALSE(MeminfoBytes(text, "Empty").has_value());
  CHECK_FALSE(MeminfoBytes(text, "SwapTotal").has_value());
  CHECK_FALSE(MeminfoBytes("", "MemTotal").has_value());
}

TEST_CASE("memory: what this machine's meminfo says is understood") {
  std::ifstream file("/proc/meminfo");
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto total = MeminfoBytes(text, "MemTotal");
  const auto available = MeminfoBytes(text, "MemAvailable");
  REQUIRE(total.has_value());
  REQUIRE(available.has_value());
  CHECK(*available <= *total);
  CHECK(*total > 1 << 20);
}

TEST_CASE("memory: the control group of the unified hierarchy") {
  CHECK(UnifiedControlGroup("1:cpu:/old\n0::/system.slice/x.service\n") ==
        "/system.slice/x.service");
  CHECK(UnifiedControlGroup("0::/") == "/");
  CHECK(UnifiedControlGroup("1:cpu:/old\n").empty());
  CHECK(UnifiedControlGroup("").empty());
}

TEST_CASE("memory: short is a sixteenth") {
  CHECK(IsShort(0, 1600));
  CHECK(IsShort(100, 1600));
  CHECK_FALSE(IsShort(101, 1600));
}

}  // namespace
}  // namespace cj
