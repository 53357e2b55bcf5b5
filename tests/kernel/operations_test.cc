// What each operation of a program makes the kernel send, on every filesystem. Between two rows the
// queue is drained, so what a row shows is of that operation alone; inside a row the kernel merges.
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdio>
#include <functional>

#include "../support/filesystems.h"
#include "../support/on_every_filesystem.h"
#include "base/unique_fd.h"
#include "recorder.h"

namespace cj {
namespace {

using Texts = std::vector<std::string>;

// "top" is a directory of the filesystem, "f" a file with 4 KiB in it, "dir" a directory in it, all
// made before; other labels are made by prepare.
struct Row {
  const char* what;
  std::function<bool(const std::string& top)> prepare;
  std::function<bool(const std::string& top)> act;
  Texts expected;
};

bool Nothing(const std::string&) { return true; }

bool Touch(const std::string& path) {
  return UniqueFd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644)).valid();
}

std::vector<Row> EntryRows() {
  return {
      {"creat",
       Nothing,
       [](const std::string& top) {
         return ::mknod((top + "/new").c_str(), S_IFREG | 0644, 0) == 0;
       },
       {"CREATE top/new ?"}},
      {"open with O_CREAT, then close",
       Nothing,
       [](const std::string& top) { return Touch(top + "/new"); },
       {"CREATE|CLOSE_WRITE top/new ?"}},
      {"mkdir",
       Nothing,
       [](const std::string& top) { return ::mkdir((top + "/new").c_str(), 0755) == 0; },
       {"CREATE|ONDIR top/new ?"}},
      {"symlink",
       Nothing,
       [](const std::string& top) { return ::symlink("to", (top + "/new").c_str()) == 0; },
       {"CREATE top/new ?"}},
      {"mkfifo",
       Nothing,
       [](const std::string& top) { return ::mkfifo((top + "/new").c_str(), 0644) == 0; },
       {"CREATE top/new ?"}},
      {"link",
       Nothing,
       [](const std::string& top) {
         return ::link((top + "/f").c_str(), (top + "/new").c_str()) == 0;
       },
       {"ATTRIB f", "CREATE top/new f"}},
      {"unlink",
       Nothing,
       [](const std::string& top) { return ::unlink((top + "/f").c_str()) == 0; },
       {"ATTRIB f", "DELETE top/f f"}},
      {"rmdir",
       Nothing,
       [](const std::string& top) { return ::rmdir((top + "/dir").c_str()) == 0; },
       {"DELETE|ONDIR top/dir dir"}},
      {"rename",
       Nothing,
       [](const std::string& top) {
         return ::rename((top + "/f").c_str(), (top + "/dir/g").c_str()) == 0;
       },
       {"RENAME top/f -> dir/g f"}},
      {"rename of a directory",
       Nothing,
       [](const std::string& top) {
         return ::rename((top + "/dir").c_str(), (top + "/moved").c_str()) == 0;
       },
       {"RENAME|ONDIR top/dir -> top/moved dir"}},
      {"rename over a file: no event names the victim with its object",
       [](const std::string& top) { return Touch(top + "/victim"); },
       [](const std::string& top) {
         return ::rename((top + "/f").c_str(), (top + "/victim").c_str()) == 0;
       },
       {"RENAME top/f -> top/victim f", "ATTRIB victim"}},
      {"rename over an empty directory: the victim appears with its FID, not with its name",
       [](const std::string& top) { return ::mkdir((top + "/victim").c_str(), 0755) == 0; },
       [](const std::string& top) {
         return ::rename((top + "/dir").c_str(), (top + "/victim").c_str()) == 0;
       },
       {"RENAME|ONDIR top/dir -> top/victim dir", "ATTRIB|ONDIR victim/. victim"}},
      {"rename onto another name of the same file does nothing",
       [](const std::string& top) {
         return ::link((top + "/f").c_str(), (top + "/victim").c_str()) == 0;
       },
       [](const std::string& top) {
         return ::rename((top + "/f").c_str(), (top + "/victim").c_str()) == 0;
       },
       {}},
      {"rename with a whiteout: nothing tells that the old name is taken again",
       Nothing,
       [](const std::string& top) {
         return ::renameat2(AT_FDCWD, (top + "/f").c_str(), AT_FDCWD, (top + "/new").c_str(),
                            RENAME_WHITEOUT) == 0;
       },
       {"RENAME top/f -> top/new f"}},
      {"exchange of a file and a directory",
       Nothing,
       [](const std::string& top) {
         return ::renameat2(AT_FDCWD, (top + "/f").c_str(), AT_FDCWD, (top + "/dir").c_str(),
                            RENAME_EXCHANGE) == 0;
       },
       {"RENAME top/f -> top/dir f", "RENAME|ONDIR top/dir -> top/f dir"}},
  };
}

std::vector<Row> AttributeRows() {
  return {
      {"chmod",
       Nothing,
       [](const std::string& top) { return ::chmod((top + "/f").c_str(), 0600) == 0; },
       {"ATTRIB top/f f"}},
      {"chown",
       Nothing,
       [](const std::string& top) { return ::chown((top + "/f").c_str(), 1, 1) == 0; },
       {"ATTRIB top/f f"}},
      {"utimensat",
       Nothing,
       [](const std::string& top) {
         return ::utimensat(AT_FDCWD, (top + "/f").c_str(), nullptr, 0) == 0;
       },
       {"ATTRIB top/f f"}},
      {"setxattr",
       Nothing,
       [](const std::string& top) {
         return ::setxattr((top + "/f").c_str(), "trusted.cj", "1", 1, 0) == 0;
       },
       {"ATTRIB top/f f"}},
      {"chmod of a directory names the directory itself",
       Nothing,
       [](const std::string& top) { return ::chmod((top + "/dir").c_str(), 0700) == 0; },
       {"ATTRIB|ONDIR dir/. dir"}},
      {"utimensat of a symbolic link",
       [](const std::string& top) { return ::symlink("to", (top + "/link").c_str()) == 0; },
       [](const std::string& top) {
         return ::utimensat(AT_FDCWD, (top + "/link").c_str(), nullptr, AT_SYMLINK_NOFOLLOW) == 0;
       },
       {"ATTRIB top/link link"}},
      {"chattr sends nothing",
       Nothing,
       [](const std::string& top) {
         UniqueFd fd(::open((top + "/f").c_str(), O_RDONLY | O_CLOEXEC));
         int flags = 0;
         if (::ioctl(fd.get(), FS_IOC_GETFLAGS, &flags) != 0) return false;
         flags ^= FS_NODUMP_FL;
         return ::ioctl(fd.get(), FS_IOC_SETFLAGS, &flags) == 0;
       },
       {}},
  };
}

void Check(const std::string& type, const std::vector<Row>& rows) {
  auto filesystem = TestFilesystem::Create(type);
  if (!filesystem) {
    WARN("SKIPPED: " << filesystem.error().message);
    return;
  }
  int number = 0;
  for (const Row& row : rows) {
    INFO(type << ": " << row.what);
    const std::string top = filesystem->path("top" + std::to_string(number++));
    MakeDirectory(top);
    MakeDirectory(top + "/dir");
    WriteFile(top + "/f", std::string(4096, 'x'));
    REQUIRE(row.prepare(top));
    Recorder recorder(filesystem->path());
    recorder.Label(top, "top");
    recorder.Label(top + "/f", "f");
    recorder.Label(top + "/dir", "dir");
    for (const char* other : {"victim", "link"}) {
      if (::faccessat(AT_FDCWD, (top + "/" + other).c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        recorder.Label(top + "/" + other, other);
      }
    }
    REQUIRE(row.act(top));
    CHECK(recorder.DrainText() == row.expected);
  }
}

}  // namespace

TEST_CASE("operations on entries send what the table says") {
  for (const std::string& type : TestedFilesystemTypes()) Check(type, EntryRows());
}

TEST_CASE("operations on attributes send what the table says") {
  for (const std::string& type : TestedFilesystemTypes()) Check(type, AttributeRows());
}

TEST_CASE(
    "an O_TMPFILE has a made-up name until it is linked, and then the real one in CREATE only") {
  OnEveryFilesystem([&](TestFilesystem& filesystem) {
    Recorder recorder(filesystem.path());
    recorder.Label(filesystem.path(), "top");
    UniqueFd fd(::open(filesystem.path().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0644));
    REQUIRE(fd.valid());
    REQUIRE(::write(fd.get(), "x", 1) == 1);
    struct stat info;
    REQUIRE(::fstat(fd.get(), &info) == 0);
    const std::string fiction = "top/#" + std::to_string(info.st_ino) + " ?";
    CHECK(recorder.DrainText() == Texts{"MODIFY " + fiction});
    REQUIRE(::linkat(AT_FDCWD, ("/proc/self/fd/" + std::to_string(fd.get())).c_str(), AT_FDCWD,
                     filesystem.path("real").c_str(), AT_SYMLINK_FOLLOW) == 0);
    recorder.Label(filesystem.path("real"), "real");
    CHECK(recorder.DrainText() == Texts{"ATTRIB real", "CREATE top/real real"});
    fd.reset();
    CHECK(recorder.DrainText() ==
          Texts{"CLOSE_WRITE top/#" + std::to_string(info.st_ino) + " real"});
  });
}

TEST_CASE("operations on one object are merged into one mask while they wait") {
  OnEveryFilesystem([&](TestFilesystem& filesystem) {
    Recorder recorder(filesystem.path());
    recorder.Label(filesystem.path(), "top");
    WriteFile(filesystem.path("f"), "x");
    recorder.Label(filesystem.path("f"), "f");
    REQUIRE(::chmod(filesystem.path("f").c_str(), 0600) == 0);
    REQUIRE(::unlink(filesystem.path("f").c_str()) == 0);
    CHECK(recorder.DrainText() ==
          Texts{"CREATE|DELETE|MODIFY|ATTRIB|CLOSE_WRITE top/f f", "ATTRIB f"});
    // The order inside a mask is not told: deleted and created again with a new inode is two
    // events.
    WriteFile(filesystem.path("g"), "x");
    recorder.Label(filesystem.path("g"), "g");
    const auto events = recorder.Drain();
    REQUIRE(events.size() == 1);
    CHECK(events[0].pid == ::getpid());
    CHECK(events[0].fsid == recorder.volume().fsid);
  });
}

TEST_CASE("a write to an unlinked open file is reported under its old name after the DELETE") {
  OnEveryFilesystem([&](TestFilesystem& filesystem) {
    const std::string path = filesystem.path("f");
    WriteFile(path, "x");
    Recorder recorder(filesystem.path());
    recorder.Label(filesystem.path(), "top");
    recorder.Label(path, "f");
    UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    REQUIRE(::unlink(path.c_str()) == 0);
    CHECK(recorder.DrainText() == Texts{"ATTRIB f", "DELETE top/f f"});
    REQUIRE(::write(fd.get(), "y", 1) == 1);
    CHECK(recorder.DrainText() == Texts{"MODIFY top/f f"});
  });
}

}  // namespace cj
