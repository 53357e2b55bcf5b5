#include "tests/oracle/comparison.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "tests/support/filesystems.h"

namespace cj::oracle {
namespace {

const auto kNothingIgnored = [](const std::string&) { return false; };

void WriteText(const std::string& path, const std::string& text) { std::ofstream(path) << text; }

void SetTime(const std::string& path, time_t seconds) {
  const timespec times[2] = {{seconds, 0}, {seconds, 0}};
  utimensat(AT_FDCWD, path.c_str(), times, AT_SYMLINK_NOFOLLOW);
}

// The same small tree twice: a file, its hard link, a symlink, a FIFO, a directory.
void MakeTree(const std::string& top) {
  mkdir(top.c_str(), 0755);
  mkdir((top + "/dir").c_str(), 0755);
  WriteText(top + "/dir/file", "content");
  link((top + "/dir/file").c_str(), (top + "/name").c_str());
  WriteText(top + "/other", "content");
  symlink("target", (top + "/symlink").c_str());
  mkfifo((top + "/fifo").c_str(), 0644);
  for (const char* path : {"/dir/file", "/other", "/dir", ""}) SetTime(top + path, 1000);
}

struct Case {
  const char* name;
  void (*change)(const std::string& mirror);
  std::string path;
  std::string what;
};

const Case kCases[] = {
    {"a missing file", [](const std::string& m) { unlink((m + "/other").c_str()); }, "other",
     "missing"},
    {"a file too many", [](const std::string& m) { WriteText(m + "/dir/new", ""); }, "dir/new",
     "not deleted"},
    {"content", [](const std::string& m) { WriteText(m + "/other", "CONTENT"); }, "other",
     "content"},
    {"mode", [](const std::string& m) { chmod((m + "/dir").c_str(), 0700); }, "dir", "mode"},
    {"owner", [](const std::string& m) { lchown((m + "/symlink").c_str(), 7, 7); }, "symlink",
     "owner"},
    {"the time of a directory", [](const std::string& m) { SetTime(m + "/dir", 1001); }, "dir",
     "mtime"},
    {"an attribute",
     [](const std::string& m) { lsetxattr((m + "/other").c_str(), "trusted.a", "v", 1, 0); },
     "other", "xattrs"},
    {"a type",
     [](const std::string& m) {
       unlink((m + "/fifo").c_str());
       mkdir((m + "/fifo").c_str(), 0644);
     },
     "fifo", "type"},
    {"the target of a symlink",
     [](const std::string& m) {
       unlink((m + "/symlink").c_str());
       symlink("elsewhere", (m + "/symlink").c_str());
     },
     "symlink", "target"},
};

// What must differ is a set of words; a change of content may move the mtime as well.
bool Says(const std::vector<Difference>& found, const std::string& path, const std::string& what) {
  for (const Difference& difference : found) {
    if (difference.relative == path && difference.what.find(what) != std::string::npos) return true;
  }
  return false;
}

TEST_CASE("every kind of difference is noticed") {
  if (geteuid() != 0) {
    WARN("SKIPPED: needs root");
    return;
  }
  for (const Case& row : kCases) {
    CAPTURE(row.name);
    const TemporaryDirectory work;
    const std::string source = work.path() + "/source";
    const std::string mirror = work.path() + "/mirror";
    MakeTree(source);
    MakeTree(mirror);
    CHECK(Compare(source, mirror, LinkRule::kSameGroups, kNothingIgnored).empty());
    row.change(mirror);
    CHECK(
        Says(Compare(source, mirror, LinkRule::kSameGroups, kNothingIgnored), row.path, row.what));
  }
}

TEST_CASE("hard links: parted ones always count, superfluous ones by the rule") {
  const TemporaryDirectory work;
  const std::string source = work.path() + "/source";
  const std::string mirror = work.path() + "/mirror";
  MakeTree(source);
  MakeTree(mirror);

  SECTION("parted") {
    unlink((mirror + "/name").c_str());
    WriteText(mirror + "/name", "content");
    SetTime(mirror + "/name", 1000);
    SetTime(mirror, 1000);
    for (const LinkRule rule : {LinkRule::kSameGroups, LinkRule::kNoLinkIsMissing}) {
      CHECK(Says(Compare(source, mirror, rule, kNothingIgnored), "name", "hard links"));
    }
  }
  SECTION("superfluous") {
    unlink((mirror + "/other").c_str());
    link((mirror + "/name").c_str(), (mirror + "/other").c_str());
    SetTime(mirror, 1000);
    CHECK(Says(Compare(source, mirror, LinkRule::kSameGroups, kNothingIgnored), "other",
               "hard links"));
    CHECK(Compare(source, mirror, LinkRule::kNoLinkIsMissing, kNothingIgnored).empty());
  }
}

TEST_CASE("what is ignored is not compared") {
  const TemporaryDirectory work;
  const std::string source = work.path() + "/source";
  const std::string mirror = work.path() + "/mirror";
  MakeTree(source);
  MakeTree(mirror);
  unlink((mirror + "/dir/file").c_str());
  SetTime(mirror + "/dir", 1000);
  const auto ignored = [](const std::string& path) { return path == "dir/file"; };
  CHECK(Compare(source, mirror, LinkRule::kSameGroups, ignored).empty());
  CHECK_FALSE(Compare(source, mirror, LinkRule::kSameGroups, kNothingIgnored).empty());
}

}  // namespace
}  // namespace cj::oracle
