#include "base/memory_pressure.h"

#include <charconv>
#include <fstream>
#include <iterator>

namespace cj {
namespace {

constexpr std::uint64_t kShortPart = 16;

std::string ReadText(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::optional<std::uint64_t> Number(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (problem != std::errc() || end == text.data()) return std::nullopt;
  return number;
}

bool MachineIsShort() {
  const std::string meminfo = ReadText("/proc/meminfo");
  const auto total = MeminfoBytes(meminfo, "MemTotal");
  const auto available = MeminfoBytes(meminfo, "MemAvailable");
  return total.has_value() && available.has_value() && IsShort(*available, *total);
}

bool ControlGroupIsShort() {
  const std::string group = "/sys/fs/cgroup" + UnifiedControlGroup(ReadText("/proc/self/cgroup"));
  const auto limit = Number(ReadText(group + "/memory.max"));  // "max": none
  const auto used = Number(ReadText(group + "/memory.current"));
  if (!limit.has_value() || !used.has_value()) return false;
  return IsShort(*used < *limit ? *limit - *used : 0, *limit);
}

}  // namespace

std::optional<std::uint64_t> MeminfoBytes(std::string_view meminfo, std::string_view name) {
  while (!meminfo.empty()) {
    const std::size_t end = meminfo.find('\n');
    std::string_view line = meminfo.substr(0, end);
    meminfo.remove_prefix(end == std::string_view::npos ? meminfo.size() : end + 1);
    if (line.substr(0, name.size()) != name || line.substr(name.size(), 1) != ":") continue;
    line.remove_prefix(name.size() + 1);
    const std::size_t digits = line.find_first_not_of(' ');
    if (digits == std::string_view::npos) return std::nullopt;
    const auto kibibytes = Number(line.substr(digits));
    if (!kibibytes.has_value()) return std::nullopt;
    return *kibibytes * 1024;
  }
  return std::nullopt;
}

std::string UnifiedControlGroup(std::string_view cgroup) {
  constexpr std::string_view kUnified = "0::";
  while (!cgroup.empty()) {
    const std::size_t end = cgroup.find('\n');
    const std::string_view line = cgroup.substr(0, end);
    cgroup.remove_prefix(end == std::string_view::npos ? cgroup.size() : end + 1);
    if (line.substr(0, kUnified.size()) == kUnified) {
      return std::string(line.substr(kUnified.size()));
    }
  }
  return {};
}

bool IsShort(std::uint64_t available, std::uint64_t total) {
  return available <= total / kShortPart;
}

bool MemoryIsShort() { return MachineIsShort() || ControlGroupIsShort(); }

}  // namespace cj
