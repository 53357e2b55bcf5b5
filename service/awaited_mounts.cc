#include "service/awaited_mounts.h"

#include <mntent.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <iterator>

#include "base/text.h"

namespace cj {

std::string AwaitedMount(const std::string& fstab, const std::string& path,
                         const std::string& mount_point) {
  std::string text = fstab;
  std::FILE* lines = text.empty() ? nullptr : ::fmemopen(text.data(), text.size(), "r");
  if (lines == nullptr) return {};
  mntent entry{};
  std::array<char, 8192> strings;  // a longer line cannot be a mount point: PATH_MAX is 4096
  std::string awaited;
  while (awaited.empty() && ::getmntent_r(lines, &entry, strings.data(), strings.size())) {
    const std::string at = entry.mnt_dir;
    if (PathContains(at, path) && PathIsBelow(mount_point, at)) awaited = at;
  }
  std::fclose(lines);
  return awaited;
}

std::string AwaitedMount(const Binding& binding, const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  const std::string fstab{std::istreambuf_iterator<char>(in), {}};
  for (const Watch& watch : binding.watches) {
    if (!watch.bound()) continue;
    std::string awaited = AwaitedMount(fstab, watch.volume.path, watch.volume.mount_point);
    if (!awaited.empty()) return awaited;
  }
  return {};
}

}  // namespace cj
