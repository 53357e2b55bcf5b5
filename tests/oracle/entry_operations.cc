// Single names: making, linking, renaming and removing them.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "tests/oracle/writer.h"

namespace cj::oracle {
namespace {

bool MakeSymlink(Writer& writer) {
  const std::string path = writer.File();
  // Leads nowhere on purpose: a mirror that follows links must not be led around by ours.
  const std::string target = "nowhere-" + writer.random.Bytes(writer.random.Below(40) + 1);
  return writer.Log("symlink", symlink(target.c_str(), path.c_str()), path);
}

bool MakeFifo(Writer& writer) {
  const std::string path = writer.File();
  return writer.Log("mkfifo", mkfifo(path.c_str(), 0644), path);
}

bool MakeNode(Writer& writer) {
  const std::string path = writer.File();
  const mode_t type = writer.random.Pick({S_IFSOCK, S_IFCHR, S_IFBLK, S_IFREG});
  const bool device = type == S_IFCHR || type == S_IFBLK;
  // Numbers that no driver answers to.
  const dev_t number = device ? makedev(240 + writer.random.Below(3), writer.random.Below(3)) : 0;
  return writer.Log("mknod", mknod(path.c_str(), type | 0644, number), path);
}

bool Unlink(Writer& writer) {
  const std::string path = writer.File();
  return writer.Log("unlink", unlink(path.c_str()), path);
}

bool Link(Writer& writer) {
  const std::string from = writer.File();
  const std::string path = writer.File();
  return writer.Log("link", link(from.c_str(), path.c_str()), from, path);
}

// A second name that is not watched, and later changes through it.
bool LinkOutside(Writer& writer) {
  const std::string from = writer.File();
  const std::string path = writer.OutsideFile();
  unlink(path.c_str());
  return writer.Log("link-outside", link(from.c_str(), path.c_str()), from, path);
}

bool WriteOutside(Writer& writer) {
  const std::string path = writer.OutsideFile();
  const UniqueFd fd = writer.Open(path, O_RDWR);
  if (!fd) return false;
  const std::string content = writer.random.Bytes(writer.random.Below(100) + 1);
  const long written = pwrite(fd.get(), content.data(), content.size(), 7);
  return writer.Log("write-outside", written, path);
}

// Changed through one name, then the other name moves, then changed through the first again.
bool LinkWriteRename(Writer& writer) {
  const std::string from = writer.File();
  const std::string path = writer.File();
  const std::string moved = writer.File();
  const UniqueFd fd = writer.OpenOrCreate(from, O_RDWR);
  if (!fd || !writer.Log("link", link(from.c_str(), path.c_str()), from, path)) return false;
  writer.Log("link-write", pwrite(fd.get(), "link", 4, 1), from);
  if (!writer.Log("link-rename", rename(path.c_str(), moved.c_str()), path, moved)) return true;
  return writer.Log("link-write", pwrite(fd.get(), "LINK", 4, 1), from);
}

bool Rename(Writer& writer) {
  const std::string from = writer.File();
  const std::string to = writer.File();
  return writer.Log("rename", rename(from.c_str(), to.c_str()), from, to);
}

bool RenameThenWrite(Writer& writer) {
  const std::string from = writer.File();
  const std::string to = writer.File();
  const UniqueFd fd = writer.OpenOrCreate(from, O_RDWR);
  if (!fd || !writer.Log("rename", rename(from.c_str(), to.c_str()), from, to)) return false;
  return writer.Log("rename-write", pwrite(fd.get(), "renamed", 7, 3), to);
}

bool RenameThereAndBack(Writer& writer) {
  const std::string from = writer.File();
  const std::string to = writer.File();
  const int there = renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE);
  if (!writer.Log("rename", there, from, to)) return false;
  return writer.Log("rename-back", rename(to.c_str(), from.c_str()), to, from);
}

bool Exchange(Writer& writer) {
  const std::string from = writer.File();
  const std::string to = writer.File();
  return writer.Log("exchange",
                    renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE), from,
                    to);
}

// A file for a directory.
bool ExchangeMixed(Writer& writer) {
  const std::string from = writer.File();
  const std::string to = writer.Directory();
  return writer.Log("exchange-mixed",
                    renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE), from,
                    to);
}

bool MoveOut(Writer& writer) {
  const std::string from = writer.File();
  const std::string to = writer.OutsideFile();
  return writer.Log("move-out", rename(from.c_str(), to.c_str()), from, to);
}

bool MoveIn(Writer& writer) {
  const std::string from = writer.OutsideFile();
  const std::string to = writer.File();
  return writer.Log("move-in", rename(from.c_str(), to.c_str()), from, to);
}

constexpr OperationKind kOperations[] = {
    {"symlink", 20, MakeSymlink},
    {"mkfifo", 6, MakeFifo},
    {"mknod", 10, MakeNode},
    {"unlink", 40, Unlink},
    {"link", 30, Link},
    {"link-outside", 5, LinkOutside},
    {"write-outside", 5, WriteOutside},
    {"link-write-rename", 15, LinkWriteRename},
    {"rename", 60, Rename},
    {"rename-write", 15, RenameThenWrite},
    {"rename-back", 10, RenameThereAndBack},
    {"exchange", 20, Exchange},
    {"exchange-mixed", 5, ExchangeMixed},
    {"move-out", 8, MoveOut},
    {"move-in", 8, MoveIn},
};

}  // namespace

std::span<const OperationKind> EntryOperations() { return kOperations; }

}  // namespace cj::oracle
