// What happens in a gap is covered, on real filesystems: every operation, one by one.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "base/unique_fd.h"
#include "tests/service/crawl_tree.h"

namespace cj {
namespace {

void StoreThroughMapping(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  REQUIRE(fd.valid());
  void* memory = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  REQUIRE(memory != MAP_FAILED);
  static_cast<char*>(memory)[0] = '!';
  ::munmap(memory, 4096);
}

struct Mutation {
  const char* name;
  std::function<void(const std::string&)> apply;  // to the tree, and to ../outside
};

const std::vector<Mutation>& Mutations() {
  static const std::vector<Mutation> all = {
      {"create", [](const std::string& t) { WriteFile(t + "/a/d/new", "x"); }},
      {"write", [](const std::string& t) { AppendFile(t + "/a/d/e/f", "x"); }},
      {"truncate", [](const std::string& t) { WriteFile(t + "/a/d/e/g", ""); }},
      {"mapping", [](const std::string& t) { StoreThroughMapping(t + "/a/d/e/h"); }},
      {"chmod", [](const std::string& t) { Chmod(t + "/b/d/e/f", 0600); }},
      {"chmod of a directory", [](const std::string& t) { Chmod(t + "/b/d/e", 0700); }},
      {"owner",
       [](const std::string& t) { REQUIRE(::chown((t + "/b/d/e/g").c_str(), 1, 1) == 0); }},
      {"xattr",
       [](const std::string& t) {
         REQUIRE(::setxattr((t + "/b/d/e/h").c_str(), "trusted.t", "v", 1, 0) == 0);
       }},
      {"times",
       [](const std::string& t) {
         const timespec past[2] = {{1000, 0}, {1000, 0}};
         REQUIRE(::utimensat(AT_FDCWD, (t + "/b/f").c_str(), past, 0) == 0);
       }},
      {"unlink", [](const std::string& t) { Unlink(t + "/b/d/f"); }},
      {"rename a file", [](const std::string& t) { Rename(t + "/a/f", t + "/a/renamed"); }},
      {"move a file", [](const std::string& t) { Rename(t + "/a/g", t + "/b/d/moved"); }},
      {"replace a file", [](const std::string& t) { Rename(t + "/c/d/e/f", t + "/c/d/e/g"); }},
      {"rename a directory", [](const std::string& t) { Rename(t + "/c/d/e", t + "/c/d/n"); }},
      {"move a directory", [](const std::string& t) { Rename(t + "/a/d", t + "/b/d/into"); }},
      {"exchange", [](const std::string& t) { Exchange(t + "/a/d", t + "/b/d"); }},
      {"exchange with outside",
       [](const std::string& t) { Exchange(t + "/a/d", t + "/../outside/d"); }},
      {"move out", [](const std::string& t) { Rename(t + "/b/d", t + "/../outside/out"); }},
      {"move in", [](const std::string& t) { Rename(t + "/../outside/d", t + "/b/in"); }},
      {"remove a tree", [](const std::string& t) { RemoveTree(t + "/b/d"); }},
      {"make a tree",
       [](const std::string& t) {
         MakeDirectory(t + "/c/d/e/m");
         MakeDirectory(t + "/c/d/e/m/n");
         WriteFile(t + "/c/d/e/m/n/f", "x");
       }},
      {"link", [](const std::string& t) { Link(t + "/a/d/f", t + "/c/d/e/link"); }},
      {"link and write",
       [](const std::string& t) {
         Link(t + "/a/d/e/f", t + "/b/d/e/link");
         AppendFile(t + "/b/d/e/link", "x");
       }},
      {"symlink",
       [](const std::string& t) { REQUIRE(::symlink("to", (t + "/c/d/link").c_str()) == 0); }},
      {"a directory in a file's place",
       [](const std::string& t) {
         Unlink(t + "/c/d/f");
         MakeDirectory(t + "/c/d/f");
       }},
  };
  return all;
}

}  // namespace

TEST_CASE("crawl: what happens while nobody listens is covered") {
  const std::string type = GENERATE(as<std::string>(), "ext4", "xfs", "btrfs", "tmpfs");
  for (const Mutation& mutation : Mutations()) {
    auto journal = JournalOfTree(type);
    if (!journal->usable()) return;
    TreeCopy copy(*journal, type);
    REQUIRE(copy.usable());
    journal->Restart([&] { mutation.apply(journal->path("tree")); });
    journal->AwaitCrawl();
    INFO(type << ": " << mutation.name);
    CHECK(copy.Uncovered(ChangesOf(*journal)) == Lines{});
  }
}

TEST_CASE("crawl: all of it at once, and more while it is crawled") {
  const std::string type = GENERATE(as<std::string>(), "ext4", "xfs", "btrfs", "tmpfs");
  auto journal = JournalOfTree(type);
  if (!journal->usable()) return;
  TreeCopy copy(*journal, type);
  REQUIRE(copy.usable());
  const std::string tree = journal->path("tree");
  journal->Restart([&] {
    AppendFile(tree + "/a/d/e/f", "x");
    Unlink(tree + "/b/d/e/f");
    Rename(journal->path("outside/d"), tree + "/c/in");
  });
  // The crawl is under way: what it has not seen yet moves to where it has been, perhaps.
  Rename(tree + "/a/d/e", tree + "/b/moved");
  Rename(tree + "/b/d", tree + "/c/moved");
  AppendFile(tree + "/c/moved/f", "y");
  journal->AwaitCrawl();
  CHECK(copy.Uncovered(ChangesOf(*journal)) == Lines{});
}

TEST_CASE("crawl: a file that was written is told by itself") {
  const std::string type = GENERATE(as<std::string>(), "ext4", "xfs", "btrfs", "tmpfs");
  auto journal = JournalOfTree(type);
  if (!journal->usable()) return;
  journal->Restart([&] {
    AppendFile(journal->path("tree/a/d/e/f"), "x");
    Chmod(journal->path("tree/c/f"), 0600);
  });
  journal->AwaitCrawl();
  CHECK(journal->Changes() ==
        Lines{"modified tree/a/d/e/f data metadata", "modified tree/c/f data metadata"});
}

TEST_CASE("crawl: a directory that lost a name is told with all below it") {
  const std::string type = GENERATE(as<std::string>(), "ext4", "xfs", "btrfs", "tmpfs");
  auto journal = JournalOfTree(type);
  if (!journal->usable()) return;
  journal->Restart([&] { Unlink(journal->path("tree/a/d/f")); });
  journal->AwaitCrawl();
  CHECK(journal->Changes() == Lines{"rescan tree/a/d recursive"});
}

}  // namespace cj
