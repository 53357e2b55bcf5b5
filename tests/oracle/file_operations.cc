// Changes of a file's content, each by opening it anew.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/oracle/writer.h"

namespace cj::oracle {
namespace {

// The unit of COLLAPSE_RANGE and INSERT_RANGE on all our filesystems.
constexpr off_t kBlockBytes = 4096;
// Files do not grow beyond this: the time to copy them is not what is tested.
constexpr off_t kLimitBytes = 48 << 10;

off_t SizeOf(int fd) {
  struct stat status;
  return fstat(fd, &status) == 0 ? status.st_size : 0;
}

std::string Content(Writer& writer) { return writer.random.Bytes(writer.random.Below(400) + 1); }

bool Create(Writer& writer) {
  const std::string path = writer.File();
  const UniqueFd fd = writer.Open(path, O_WRONLY | O_CREAT | O_EXCL);
  if (!fd) return false;
  const std::string content = Content(writer);
  return writer.Log("create", write(fd.get(), content.data(), content.size()), path);
}

bool CreateEmpty(Writer& writer) {
  const std::string path = writer.File();
  const UniqueFd fd = writer.Open(path, O_WRONLY | O_CREAT | O_EXCL);
  return fd && writer.Log("create-empty", 0, path);
}

bool Write(Writer& writer) {
  const std::string path = writer.File();
  const UniqueFd fd = writer.OpenOrCreate(path, O_RDWR);
  if (!fd) return false;
  const std::string content = Content(writer);
  const auto offset = static_cast<off_t>(writer.random.Below(4000));
  return writer.Log("write", pwrite(fd.get(), content.data(), content.size(), offset), path);
}

bool WriteVector(Writer& writer) {
  const std::string path = writer.File();
  const UniqueFd fd = writer.OpenOrCreate(path, O_RDWR);
  if (!fd) return false;
  std::string first = Content(writer);
  std::string second = Content(writer);
  const iovec parts[2] = {{first.data(), first.size()}, {second.data(), second.size()}};
  return writer.Log("writev", pwritev(fd.get(), parts, 2, 10), path);
}

bool Append(Writer& writer) {
  const std::string path = writer.File();
  const UniqueFd fd = writer.OpenOrCreate(path, O_WRONLY | O_APPEND);
  if (!fd || SizeOf(fd.get()) > kLimitBytes) return false;
  const std::string content = Content(writer);
  return writer.Log("append", write(fd.get(), content.data(), content.size()), path);
}

bool Truncate(Writer& writer) {
  const std::string path = writer.File();
  struct stat status;
  // truncate() would follow a symlink; ours lead nowhere, but a FIFO is refused anyway.
  if (lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return false;
  const auto size = static_cast<off_t>(writer.random.Below(6000));
  return writer.Log("truncate", truncate(path.c_str(), size), path);
}

bool TruncateOpen(Writer& writer) {
  const std::string path = writer.File();
  const UniqueFd fd = writer.OpenOrCreate(path, O_RDWR);
  if (!fd) return false;
  return writer.Log("ftruncate", ftruncate(fd.get(), static_cast<off_t>(writer.random.Below(6000))),
                    path);
}

// O_TRUNC alone, without a write after it.
bool TruncateByOpening(Writer& writer) {
  const std::string path = writer.File();
  const UniqueFd fd = writer.Open(path, O_WRONLY | O_TRUNC);
  return fd && writer.Log("open-truncate", 0, path);
}

bool Allocate(Writer& writer) {
  const std::string path = writer.File();
  const UniqueFd fd = writer.OpenOrCreate(path, O_RDWR);
  if (!fd || SizeOf(fd.get()) > kLimitBytes) return false;
  const int mode = writer.random.Pick({0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE,
                                       FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                       FALLOC_FL_COLLAPSE_RANGE, FALLOC_FL_INSERT_RANGE});
  const auto offset = static_cast<off_t>(writer.random.Below(3)) * kBlockBytes;
  const long result = fallocate(fd.get(), mode, offset, kBlockBytes);
  return writer.Log("fallocate", result, path);
}

bool CopyRange(Writer& writer) {
  const std::string from = writer.File();
  const std::string path = writer.File();
  const UniqueFd source = writer.OpenOrCreate(from, O_RDONLY);
  const UniqueFd fd = writer.OpenOrCreate(path, O_RDWR);
  if (!source || !fd) return false;
  return writer.Log("copy_file_range",
                    copy_file_range(source.get(), nullptr, fd.get(), nullptr, 2000, 0), path, from);
}

bool SendFile(Writer& writer) {
  const std::string from = writer.File();
  const std::string path = writer.File();
  const UniqueFd source = writer.OpenOrCreate(from, O_RDONLY);
  const UniqueFd fd = writer.OpenOrCreate(path, O_RDWR);
  if (!source || !fd) return false;
  return writer.Log("sendfile", sendfile(fd.get(), source.get(), nullptr, 1000), path, from);
}

// Fails on filesystems that cannot share blocks (ext4, tmpfs), which costs nothing.
bool Clone(Writer& writer) {
  const std::string from = writer.File();
  const std::string path = writer.File();
  const UniqueFd source = writer.OpenOrCreate(from, O_RDONLY);
  const UniqueFd fd = writer.OpenOrCreate(path, O_RDWR);
  if (!source || !fd) return false;
  return writer.Log("ficlone", ioctl(fd.get(), FICLONE, source.get()), path, from);
}

// The way of editors: a temporary name that takes the place of the file.
bool Save(Writer& writer) {
  const std::string path = writer.File();
  const std::size_t slash = path.rfind('/');
  const std::string temporary = path.substr(0, slash) + "/.save~";
  {
    const UniqueFd fd = writer.Open(temporary, O_WRONLY | O_CREAT | O_TRUNC);
    if (!fd) return false;
    const std::string content = Content(writer);
    writer.Log("save-write", write(fd.get(), content.data(), content.size()), temporary);
  }
  return writer.Log("save-rename", rename(temporary.c_str(), path.c_str()), temporary, path);
}

bool WriteUnlinked(Writer& writer) {
  const std::string path = writer.File();
  const UniqueFd fd = writer.OpenOrCreate(path, O_RDWR);
  if (!fd) return false;
  writer.Log("unlink-open", unlink(path.c_str()), path);
  const std::string content = Content(writer);
  return writer.Log("write-unlinked", write(fd.get(), content.data(), content.size()), path);
}

// A file that has no name until it is complete; sometimes it is changed once more after that, and
// sometimes never gets a name.
bool Nameless(Writer& writer) {
  const std::string path = writer.File();
  const std::string parent = path.substr(0, path.rfind('/'));
  const UniqueFd fd(open(parent.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0644));
  if (!fd) return false;
  const std::string content = Content(writer);
  writer.Log("tmpfile", write(fd.get(), content.data(), content.size()), parent);
  if (writer.random.Percent(20)) return true;
  const std::string self = "/proc/self/fd/" + std::to_string(fd.get());
  const int linked = linkat(AT_FDCWD, self.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW);
  if (!writer.Log("tmpfile-link", linked, path)) return false;
  if (writer.random.Percent(50)) return true;
  return writer.Log("tmpfile-write", write(fd.get(), content.data(), content.size()), path);
}

constexpr OperationKind kOperations[] = {
    {"create", 60, Create},
    {"create-empty", 15, CreateEmpty},
    {"write", 80, Write},
    {"writev", 10, WriteVector},
    {"append", 40, Append},
    {"truncate", 15, Truncate},
    {"ftruncate", 15, TruncateOpen},
    {"open-truncate", 15, TruncateByOpening},
    {"fallocate", 30, Allocate},
    {"copy_file_range", 15, CopyRange},
    {"sendfile", 8, SendFile},
    {"ficlone", 8, Clone},
    {"save", 30, Save},
    {"write-unlinked", 10, WriteUnlinked},
    {"tmpfile", 20, Nameless},
};

}  // namespace

std::span<const OperationKind> FileOperations() { return kOperations; }

}  // namespace cj::oracle
