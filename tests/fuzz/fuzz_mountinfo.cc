// Any text: mountinfo, mount options and lines of maps are walked to their end.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "fanotify/proc_text.h"
#include "fanotify/volume.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto mounts = cj::ParseMountinfo(text);
  if (mounts) {
    for (const cj::Mount& mount : *mounts) {
      CJ_CHECK(!mount.point.empty() && !mount.type.empty(), "a mount lacks its point or type");
      (void)cj::MountOption(mount.super_options, "upperdir");
    }
  }
  (void)cj::MountOption(text, "k");
  std::string_view rest = text;
  cj::MapsLine line;
  while (!rest.empty()) {
    const std::size_t before = rest.size();
    CJ_CHECK(cj::NextMapsLine(&rest, &line) && rest.size() < before, "a line of no length");
  }
  return 0;
}
