#include "client/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "base/unique_fd.h"
#include "client/output.h"

namespace cj::client {
namespace {

Status WriteAndRename(int fd, const std::string& temporary, const std::string& path,
                      std::string_view content, mode_t mode) {
  Output out(fd);
  out.Write(content);
  const Status written = out.Sync();
  if (!written) return ErrnoError(written.error().errno_value, "cannot write " + temporary);
  if (::fchmod(fd, mode) != 0) return ErrnoError(errno, "cannot set the mode of " + temporary);
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    return ErrnoError(errno, "cannot rename " + temporary + " to " + path);
  }
  return {};
}

}  // namespace

Status ReplaceFile(const std::string& path, std::string_view content, mode_t mode) {
  const std::size_t slash = path.rfind('/');
  const std::string directory = slash == std::string::npos ? "./" : path.substr(0, slash + 1);
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  std::string temporary = directory + "." + name + ".XXXXXX";
  UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) return ErrnoError(errno, "cannot create a file in " + directory);
  const Status replaced = WriteAndRename(fd.get(), temporary, path, content, mode);
  if (!replaced) {
    ::unlink(temporary.c_str());
    return replaced;
  }
  UniqueFd opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened || ::fsync(opened.get()) != 0) {
    return ErrnoError(errno, "cannot write " + directory + " to disk");
  }
  return {};
}

}  // namespace cj::client
