// Whole directories: made, renamed with changes inside before and after, exchanged, put over an
// empty one, moved out of the watch and back, removed with everything below, and made again.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/oracle/tree.h"
#include "tests/oracle/writer.h"

namespace cj::oracle {
namespace {

bool MakeDirectory(Writer& writer) {
  const std::string path = writer.Directory();
  return writer.Log("mkdir", mkdir(path.c_str(), 0755), path);
}

bool RemoveEmpty(Writer& writer) {
  const std::string path = writer.Directory();
  return writer.Log("rmdir", rmdir(path.c_str()), path);
}

void Change(Writer& writer, const std::string& directory, const char* name) {
  const std::string path = directory + "/" + name;
  const UniqueFd fd = writer.Open(path, O_RDWR | O_CREAT);
  if (!fd) return;
  const std::string content = writer.random.Bytes(writer.random.Below(60) + 1);
  writer.Log("write-inside", pwrite(fd.get(), content.data(), content.size(), 0), path);
}

bool RenameDirectory(Writer& writer) {
  const std::string from = writer.Directory();
  const std::string to = writer.Directory();
  const bool inside = writer.random.Percent(50);
  if (TypeOf(AT_FDCWD, from) != S_IFDIR) return false;
  if (inside) Change(writer, from, "a");
  if (inside) Change(writer, from, "before");
  if (!writer.Log("rename-directory", rename(from.c_str(), to.c_str()), from, to)) return false;
  if (!inside) return true;
  Change(writer, to, "a");
  Change(writer, to, "after");
  const std::string before = to + "/before";
  writer.Log("unlink-inside", unlink(before.c_str()), before);
  return true;
}

bool RenameOverEmpty(Writer& writer) {
  const std::string from = writer.Directory();
  const std::string to = writer.Directory();
  if (TypeOf(AT_FDCWD, from) != S_IFDIR) return false;
  writer.Log("mkdir", mkdir(to.c_str(), 0755), to);
  return writer.Log("rename-over-directory", rename(from.c_str(), to.c_str()), from, to);
}

bool ExchangeDirectories(Writer& writer) {
  const std::string from = writer.Directory();
  const std::string to = writer.Directory();
  if (TypeOf(AT_FDCWD, from) != S_IFDIR) return false;
  return writer.Log("exchange-directories",
                    renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_EXCHANGE), from,
                    to);
}

bool MoveDirectoryOut(Writer& writer) {
  const std::string from = writer.Directory();
  const std::string to = writer.Outside() + "/moved";
  if (TypeOf(AT_FDCWD, from) != S_IFDIR) return false;
  RemoveTree(AT_FDCWD, to);
  return writer.Log("move-directory-out", rename(from.c_str(), to.c_str()), from, to);
}

bool MoveDirectoryIn(Writer& writer) {
  const std::string from = writer.Outside() + "/moved";
  const std::string to = writer.Directory();
  if (TypeOf(AT_FDCWD, from) != S_IFDIR) return false;
  Change(writer, from, "changed-outside");
  return writer.Log("move-directory-in", rename(from.c_str(), to.c_str()), from, to);
}

bool RemoveAll(Writer& writer) {
  const std::string path = writer.Directory();
  if (TypeOf(AT_FDCWD, path) != S_IFDIR) return false;
  writer.Log("remove-tree-start", 0, path);
  RemoveTree(AT_FDCWD, path);
  return writer.Log("remove-tree", 0, path);
}

bool RemoveAndMakeAgain(Writer& writer) {
  const std::string path = writer.Directory();
  if (!RemoveAll(writer)) return false;
  writer.MakeParents(path);
  if (!writer.Log("mkdir-again", mkdir(path.c_str(), 0711), path)) return true;
  if (writer.random.Percent(70)) Change(writer, path, "a");
  if (writer.random.Percent(30)) Change(writer, path, "again");
  return true;
}

bool DeepTree(Writer& writer) {
  const std::string top = writer.Directory();
  std::string path = top;
  const std::uint64_t depth = 5 + writer.random.Below(30);
  writer.MakeParents(path + "/x");
  for (std::uint64_t level = 0; level < depth; ++level) {
    path += "/deep";
    if (!writer.Log("mkdir", mkdir(path.c_str(), 0755), path) && TypeOf(AT_FDCWD, path) == 0) {
      return false;
    }
    if (writer.random.Percent(30)) Change(writer, path, "in");
  }
  if (writer.random.Percent(50)) return true;
  const std::string first = top + "/deep";
  writer.Log("remove-tree-start", 0, first);
  RemoveTree(AT_FDCWD, first);
  return writer.Log("remove-tree", 0, first);
}

// Keeps the tree from growing without limit: the frequent names near the top go now and then.
bool RemoveTop(Writer& writer) {
  const std::string path = writer.InsideDirectory();
  if (TypeOf(AT_FDCWD, path) != S_IFDIR) return false;
  writer.Log("remove-tree-start", 0, path);
  RemoveTree(AT_FDCWD, path);
  return writer.Log("remove-tree", 0, path);
}

constexpr OperationKind kOperations[] = {
    {"mkdir", 30, MakeDirectory},
    {"rmdir", 10, RemoveEmpty},
    {"rename-directory", 12, RenameDirectory},
    {"rename-over-directory", 4, RenameOverEmpty},
    {"exchange-directories", 4, ExchangeDirectories},
    {"move-directory-out", 2, MoveDirectoryOut},
    {"move-directory-in", 2, MoveDirectoryIn},
    {"remove-tree", 3, RemoveAll},
    {"remove-tree-again", 3, RemoveAndMakeAgain},
    {"deep-tree", 1, DeepTree},
    {"remove-top", 1, RemoveTop},
};

}  // namespace

std::span<const OperationKind> DirectoryOperations() { return kOperations; }

}  // namespace cj::oracle
