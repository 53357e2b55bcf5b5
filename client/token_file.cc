#include "client/token_file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>

#include "base/unique_fd.h"

namespace cj::client {
namespace {

constexpr std::size_t kMaxTokenFileBytes = 256;  // a token has at most 33

Error NotAToken(const std::string& path) {
  return {ErrorCode::kRescanNeeded,
          path +
              " does not hold a token; remove it, run again to get a token to start from, and "
              "scan the tree"};
}

// Where the content really lies: the target of a link, which rename() would replace otherwise.
std::string Resolve(const std::string& path) {
  std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  return real ? std::string(real.get()) : path;
}

std::string DirectoryOf(const std::string& path) {
  std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Status WriteAndSync(int fd, const std::string& text, const std::string& path) {
  std::string_view rest = text;
  while (!rest.empty()) {
    ssize_t written = ::write(fd, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return ErrnoError(errno, "cannot write " + path);
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(fd) != 0) return ErrnoError(errno, "cannot write " + path + " to disk");
  return {};
}

// The mode of the file to be replaced, or what open(2) would give a new one.
mode_t ModeFor(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) return status.st_mode & 07777;
  mode_t mask = ::umask(0);
  ::umask(mask);
  return 0666 & ~mask;
}

Status Replace(const std::string& temporary, int fd, const std::string& path,
               std::string_view token) {
  CJ_RETURN_IF_ERROR(WriteAndSync(fd, std::string(token) + "\n", temporary));
  if (::fchmod(fd, ModeFor(path)) != 0)
    return ErrnoError(errno, "cannot set the mode of " + temporary);
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    return ErrnoError(errno, "cannot rename " + temporary + " to " + path);
  }
  return {};
}

}  // namespace

bool LooksLikeToken(std::string_view text) {
  constexpr std::string_view kPrefix = "cj1-";
  constexpr std::size_t kIdDigits = 8;
  constexpr std::size_t kMaxPeriodDigits = 20;
  if (text.substr(0, kPrefix.size()) != kPrefix) return false;
  text.remove_prefix(kPrefix.size());
  if (text.size() < kIdDigits + 2 || text[kIdDigits] != '-') return false;
  std::string_view id = text.substr(0, kIdDigits);
  std::string_view period = text.substr(kIdDigits + 1);
  return id.find_first_not_of("0123456789abcdef") == std::string_view::npos &&
         period.find_first_not_of("0123456789") == std::string_view::npos &&
         period.size() <= kMaxPeriodDigits && period.front() != '0';
}

Result<std::optional<std::string>> ReadTokenFile(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) {
    if (errno == ENOENT) return std::optional<std::string>();
    return ErrnoError(errno, "cannot read " + path);
  }
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return ErrnoError(errno, "cannot stat " + path);
  if (!S_ISREG(status.st_mode)) {
    return Error{ErrorCode::kInvalidArgument,
                 path + " is not a regular file; --token-file needs one that can be replaced"};
  }
  std::array<char, kMaxTokenFileBytes + 1> buffer{};
  std::size_t size = 0;
  while (size < buffer.size()) {
    ssize_t got = ::read(fd.get(), buffer.data() + size, buffer.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoError(errno, "cannot read " + path);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  std::string_view text(buffer.data(), size);
  constexpr std::string_view kSpaces = " \t\r\n";
  std::size_t first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return NotAToken(path);
  text = text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
  if (size > kMaxTokenFileBytes || !LooksLikeToken(text)) return NotAToken(path);
  return std::optional<std::string>(text);
}

Status WriteTokenFile(const std::string& path, std::string_view token) {
  const std::string target = Resolve(path);
  std::string temporary = target + ".XXXXXX";
  UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) return ErrnoError(errno, "cannot create a file beside " + target);
  Status replaced = Replace(temporary, fd.get(), target, token);
  if (!replaced) {
    ::unlink(temporary.c_str());
    return replaced;
  }
  UniqueFd directory(::open(DirectoryOf(target).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory || ::fsync(directory.get()) != 0) {
    return ErrnoError(errno, "cannot write the directory of " + target + " to disk");
  }
  return {};
}

}  // namespace cj::client
