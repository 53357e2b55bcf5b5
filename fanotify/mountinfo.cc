#include <fcntl.h>
#include <poll.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "fanotify/proc_text.h"
#include "fanotify/volume.h"

namespace cj {
namespace {

// A table that changes while it is read may lose lines; it is read again, but not for ever: mounts
// that come and go faster than this are of no consequence for a mount that stays.
constexpr int kReadAttempts = 16;

std::string_view TakeField(std::string_view* rest) {
  const std::size_t end = rest->find(' ');
  const std::string_view field = rest->substr(0, end);
  rest->remove_prefix(end == std::string_view::npos ? rest->size() : end + 1);
  return field;
}

template <typename T>
bool ParseNumber(std::string_view text, T* value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  return error == std::errc() && end == text.data() + text.size();
}

bool ParseDevice(std::string_view text, dev_t* device) {
  const std::size_t colon = text.find(':');
  unsigned major = 0;
  unsigned minor = 0;
  if (colon == std::string_view::npos || !ParseNumber(text.substr(0, colon), &major) ||
      !ParseNumber(text.substr(colon + 1), &minor)) {
    return false;
  }
  *device = makedev(major, minor);
  return true;
}

bool HasOption(std::string_view options, std::string_view wanted) {
  while (!options.empty()) {
    const std::size_t end = options.find(',');
    if (options.substr(0, end) == wanted) return true;
    if (end == std::string_view::npos) return false;
    options.remove_prefix(end + 1);
  }
  return false;
}

// 36 35 98:0 /root /point rw,noatime shared:1 master:2 - ext4 /dev/root rw,errors=continue
bool ParseLine(std::string_view line, Mount* mount) {
  if (!ParseNumber(TakeField(&line), &mount->id)) return false;
  int parent = 0;
  if (!ParseNumber(TakeField(&line), &parent)) return false;
  if (!ParseDevice(TakeField(&line), &mount->device)) return false;
  mount->root = UnescapeOctal(TakeField(&line));
  mount->point = UnescapeOctal(TakeField(&line));
  mount->read_only = HasOption(TakeField(&line), "ro");
  if (mount->root.empty() || mount->point.empty()) return false;
  // Any number of optional fields, then a lone "-".
  for (std::string_view field; field != "-"; field = TakeField(&line)) {
    if (line.empty()) return false;
  }
  mount->type = UnescapeOctal(TakeField(&line));
  mount->source = UnescapeOctal(TakeField(&line));
  mount->super_options = std::string(TakeField(&line));
  return !mount->type.empty() && line.empty();
}

}  // namespace

Result<std::vector<Mount>> ParseMountinfo(std::string_view text) {
  std::vector<Mount> mounts;
  for (int number = 1; !text.empty(); ++number) {
    const std::size_t end = text.find('\n');
    Mount mount;
    if (!ParseLine(text.substr(0, end), &mount)) {
      return Error{ErrorCode::kCorruption,
                   "mountinfo: line " + std::to_string(number) + " cannot be understood", 0};
    }
    mounts.push_back(std::move(mount));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return mounts;
}

Result<std::vector<Mount>> ReadMounts() {
  UniqueFd fd(::open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC));
  if (!fd) return ErrnoError(errno, "/proc/self/mountinfo");
  std::string text;
  for (int attempt = 0; attempt < kReadAttempts; ++attempt) {
    if (::lseek(fd.get(), 0, SEEK_SET) != 0) return ErrnoError(errno, "/proc/self/mountinfo");
    CJ_RETURN_IF_ERROR(ReadAll(fd.get(), &text));
    // The kernel raises POLLPRI once after every change of the table.
    pollfd changed{fd.get(), POLLPRI, 0};
    if (::poll(&changed, 1, 0) <= 0) break;
  }
  return ParseMountinfo(text);
}

std::string MountOption(std::string_view options, std::string_view key) {
  // A comma inside a value is escaped by a backslash (overlayfs) or as \054.
  for (std::size_t start = 0; start < options.size();) {
    std::size_t end = start;
    while (end < options.size() && options[end] != ',') end += options[end] == '\\' ? 2 : 1;
    end = std::min(end, options.size());
    const std::string_view option = options.substr(start, end - start);
    if (option.size() > key.size() && option.substr(0, key.size()) == key &&
        option[key.size()] == '=') {
      return UnescapeOctal(option.substr(key.size() + 1));
    }
    start = end + 1;
  }
  return {};
}

}  // namespace cj
