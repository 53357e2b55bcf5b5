#include "fanotify/kernel_writers.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <string>
#include <string_view>

#include "fanotify/proc_text.h"

namespace cj {
namespace {

Status ReadFile(int directory_fd, const std::string& path, std::string* text) {
  text->clear();
  UniqueFd fd(::openat(directory_fd, path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return ErrnoError(errno, path);
  return ReadAll(fd.get(), text);
}

// Where the kernel keeps block devices that hang on no other device, loop devices among them. Their
// names in /sys/block are links into it, and following one for each device takes as long as all the
// rest of looking at it.
UniqueFd OpenBlockDevices() {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  UniqueFd fd(::open("/sys/devices/virtual/block", kFlags));
  if (!fd) fd.reset(::open("/sys/block", kFlags));
  return fd;
}

// A device may be read-only now and have written before; only what it opened its file for is sure.
bool NeverWrites(int devices_fd, const std::string& device) {
  std::string read_only;
  if (!ReadFile(devices_fd, device + "/ro", &read_only) || read_only != "1\n") return false;
  UniqueFd fd(::open(("/dev/" + device).c_str(), O_RDONLY | O_CLOEXEC));
  loop_info64 info{};
  return fd && ::ioctl(fd.get(), LOOP_GET_STATUS64, &info) == 0 &&
         (info.lo_flags & LO_FLAGS_READ_ONLY) != 0;
}

}  // namespace

Status AddLoopDevices(SilentFiles* files) {
  const UniqueFd devices_fd = OpenBlockDevices();
  auto devices = ListNames(devices_fd.get(), ".");
  if (!devices) return {};  // no block devices at all
  for (const std::string& device : *devices) {
    if (device.compare(0, 4, "loop") != 0) continue;
    std::string path;
    // Not there: the device is free.
    const bool in_use =
        ReadFile(devices_fd.get(), device + "/loop/backing_file", &path).has_value();
    if (!in_use || path.size() < 2) continue;
    path.pop_back();  // the newline
    if (NeverWrites(devices_fd.get(), device)) continue;
    auto outcome = files->Add(AT_FDCWD, path.c_str(), 0);
    if (!outcome) return outcome.error();
  }
  return {};
}

Status AddSwapFiles(SilentFiles* files) {
  std::string text;
  // Not there: a kernel without swap.
  if (!ReadFile(AT_FDCWD, "/proc/swaps", &text)) return {};
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = rest.find('\n');
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    if (line.empty() || line.front() != '/') continue;  // the headings
    const std::string path = UnescapeOctal(line.substr(0, line.find_first_of(" \t")));
    auto outcome = files->Add(AT_FDCWD, path.c_str(), 0);
    if (!outcome) return outcome.error();
  }
  return {};
}

}  // namespace cj
