#include "fanotify/proc_text.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <memory>

#include "base/unique_fd.h"

namespace cj {
namespace {

constexpr std::size_t kReadChunkBytes = 16 * 1024;

bool IsOctal(char c) { return c >= '0' && c <= '7'; }

std::string_view TakeWord(std::string_view* rest) {
  const std::size_t end = rest->find(' ');
  const std::string_view word = rest->substr(0, end);
  rest->remove_prefix(end == std::string_view::npos ? rest->size() : end + 1);
  return word;
}

template <typename T>
T Number(std::string_view text, int base) {
  T value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, base);
  return value;
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

}  // namespace

Result<std::vector<std::string>> ListNames(int directory_fd, const char* path) {
  const int fd = ::openat(directory_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return ErrnoError(errno, path);
  const std::unique_ptr<DIR, CloseDirectory> directory(::fdopendir(fd));
  if (directory == nullptr) {
    const int problem = errno;
    ::close(fd);
    return ErrnoError(problem, path);
  }
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(directory.get());
    if (entry == nullptr) break;
    const std::string_view name(entry->d_name);
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return ErrnoError(errno, path);
  return names;
}

// Not by readdir(3), which asks for more than the names, and without a string for each: this is a
// tenth of a scan of processes.
Result<std::vector<int>> ListNumbers(int directory_fd, const char* path) {
  const UniqueFd fd(::openat(directory_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return ErrnoError(errno, path);
  alignas(dirent64) std::array<char, kReadChunkBytes> entries;
  std::vector<int> numbers;
  while (true) {
    const ssize_t count = ::getdents64(fd.get(), entries.data(), entries.size());
    if (count < 0) return ErrnoError(errno, path);
    if (count == 0) return numbers;
    for (ssize_t at = 0; at < count;) {
      const auto* entry = reinterpret_cast<const dirent64*>(entries.data() + at);
      at += entry->d_reclen;
      const std::string_view name(entry->d_name);
      int number = 0;
      const auto [end, problem] = std::from_chars(name.data(), name.data() + name.size(), number);
      if (problem == std::errc() && end == name.data() + name.size()) numbers.push_back(number);
    }
  }
}

Status ReadAll(int fd, std::string* text) {
  std::size_t have = 0;
  while (true) {
    if (text->size() < have + kReadChunkBytes) text->resize(have + kReadChunkBytes);
    const ssize_t count = ::read(fd, text->data() + have, text->size() - have);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      text->clear();
      return ErrnoError(errno, "read");
    }
    if (count == 0) break;
    have += static_cast<std::size_t>(count);
  }
  text->resize(have);
  return {};
}

std::string UnescapeOctal(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && text[i + 1] <= '3' && IsOctal(text[i + 1]) &&
        IsOctal(text[i + 2]) && IsOctal(text[i + 3])) {
      out.push_back(static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                      (text[i + 3] - '0')));
      i += 3;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

// 7f12a000-7f12b000 rw-s 00001000 fe:01 1234                       /srv/data
bool NextMapsLine(std::string_view* text, MapsLine* line) {
  if (text->empty()) return false;
  const std::size_t end = text->find('\n');
  std::string_view rest = text->substr(0, end);
  text->remove_prefix(end == std::string_view::npos ? text->size() : end + 1);
  *line = MapsLine{};
  line->range = TakeWord(&rest);
  const std::string_view permissions = TakeWord(&rest);
  line->shared = permissions.size() == 4 && permissions[3] == 's';
  if (!line->shared) return true;
  TakeWord(&rest);  // offset
  const std::string_view device = TakeWord(&rest);
  const std::size_t colon = device.find(':');
  if (colon == std::string_view::npos) {
    line->shared = false;
    return true;
  }
  line->device = makedev(Number<unsigned>(device.substr(0, colon), 16),
                         Number<unsigned>(device.substr(colon + 1), 16));
  line->inode = Number<std::uint64_t>(TakeWord(&rest), 10);
  const std::size_t path = rest.find_first_not_of(' ');
  if (path != std::string_view::npos) line->path = rest.substr(path);
  return true;
}

}  // namespace cj
