// Mounts of the watched filesystem itself: bind mounts as watches, made anew over the same
// directory or another one, and in the way of what is watched.
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <thread>

#include "tests/service/path_journal.h"

namespace cj {
namespace {

// A directory that is shown at another path, too, by a bind mount of the same filesystem.
class BoundDirectory {
 public:
  BoundDirectory() : filesystem_(Make("ext4")) {
    if (!usable()) return;
    shown = filesystem_->path("shown");
    behind = filesystem_->path("behind");
    for (const std::string& path : {shown, behind, filesystem_->path("other")}) MakeDirectory(path);
    WriteFile(filesystem_->path("other/old"), "");
    Mount();
  }
  bool usable() const { return static_cast<bool>(filesystem_); }
  void Mount() const { Run({"mount", "--bind", behind, shown}); }
  void Unmount() const { REQUIRE(UnmountIdle(shown)); }
  // Another directory has the name from now on; a mount shows the one that it showed.
  void Swap() const {
    Rename(behind, filesystem_->path("once"));
    Rename(filesystem_->path("other"), behind);
  }

  std::string shown;
  std::string behind;

 private:
  decltype(Make("ext4")) filesystem_;
};

TEST_CASE("mounts: a bind mount made anew over another directory of the same name") {
  BoundDirectory place;
  if (!place.usable()) return;
  PathJournal journal(place.shown);
  place.Unmount();
  place.Swap();
  place.Mount();
  journal.CheckGap("the path leads to another place now");
  WriteFile(place.behind + "/new", "");
  CHECK(journal.Changes().find("/shown/new ") != std::string::npos);
  // That is what is remembered.
  journal.Restart([] {});
  CHECK_FALSE(journal.HasGap("it was not watched before"));
  place.Unmount();
}

TEST_CASE("mounts: a bind mount made anew over the same directory") {
  BoundDirectory place;
  if (!place.usable()) return;
  MakeDirectory(place.behind + "/sub");
  PathJournal journal(place.shown);
  // The mark stays: the filesystem is mounted elsewhere, too.
  place.Unmount();
  WriteFile(place.behind + "/sub/meanwhile", "");
  place.Mount();
  journal.CheckGap("mounted again");
  WriteFile(place.behind + "/sub/new", "");
  CHECK(journal.Changes().find("/shown/sub/new ") != std::string::npos);
  place.Unmount();
}

TEST_CASE("mounts: a bind mount that shows another directory of the same name after a restart") {
  BoundDirectory place;
  if (!place.usable()) return;
  place.Swap();
  PathJournal journal(place.shown);
  journal.Restart([] {});
  CHECK_FALSE(journal.HasGap("it was not watched before"));
  journal.Restart([&] {
    place.Unmount();
    place.Mount();
  });
  CHECK(journal.HasGap("it was not watched before"));
  place.Unmount();
}

// Changes through another mount reach what is hidden. No look at the paths sees the cover: neither
// the last one before it nor the first one after.
TEST_CASE("mounts: changes under a mount that comes and goes between two looks are recorded") {
  auto filesystem = Make("ext4");
  if (!filesystem) return;
  const std::string tree = filesystem->path("top/tree");
  TemporaryDirectory elsewhere;
  const std::string back = elsewhere.path("back");
  MakeDirectory(back);
  for (const char* name : {"top", "top/tree", "top/tree/sub", "other", "other/tree"}) {
    MakeDirectory(filesystem->path(name));
  }
  Run({"mount", "--bind", filesystem->path("top"), back});
  const std::string cover = GENERATE("top/tree", "top", "");
  CAPTURE(cover);
  PathJournal journal(tree);
  const std::uint64_t before = journal.judged();
  Run({"mount", "--bind", filesystem->path("other"), filesystem->path(cover)});
  WriteFile(back + "/tree/sub/file", "");
  while (journal.judged() == before) std::this_thread::yield();
  REQUIRE(UnmountIdle(filesystem->path(cover)));
  const std::string said = journal.Changes();
  CAPTURE(said);
  CHECK(said.find("/top/tree/sub/file ") != std::string::npos);
  // What is elsewhere on the filesystem still is not.
  WriteFile(filesystem->path("other/none"), "");
  CHECK(journal.Changes().find("none") == std::string::npos);
  CHECK(journal.out_of_scope() > 0);
  REQUIRE(UnmountIdle(back));
}

TEST_CASE("mounts: changes are recorded while the way to the mount has another name") {
  auto filesystem = Make("ext4");
  if (!filesystem) return;
  MakeDirectory(filesystem->path("top"));
  MakeDirectory(filesystem->path("top/tree"));
  TemporaryDirectory above;
  const std::string data = above.path("data");
  MakeDirectory(data);
  MakeDirectory(data + "/vol");
  Run({"mount", "--bind", filesystem->path("top"), data + "/vol"});
  PathJournal journal(data + "/vol/tree");
  const std::uint64_t before = journal.judged();
  Rename(data, above.path("moved"));
  REQUIRE(::symlink("moved", data.c_str()) == 0);
  WriteFile(filesystem->path("top/tree/file"), "");
  while (journal.judged() == before) std::this_thread::yield();
  REQUIRE(::unlink(data.c_str()) == 0);
  Rename(above.path("moved"), data);
  WriteFile(filesystem->path("top/tree/later"), "");
  const std::string said = journal.Changes();
  CAPTURE(said);
  CHECK(said.find("/vol/tree/file ") != std::string::npos);
  CHECK(said.find("/vol/tree/later ") != std::string::npos);
  REQUIRE(UnmountIdle(data + "/vol"));
}

TEST_CASE("mounts: what changed below a part that is mounted over is told as that part") {
  auto filesystem = Make("ext4");
  if (!filesystem) return;
  const std::string part = filesystem->path("tree/part");
  MakeDirectory(filesystem->path("tree"));
  MakeDirectory(part);
  MakeDirectory(part + "/below");
  PathJournal journal(filesystem->path("tree"));
  // The directory itself can be told, whatever is mounted there.
  REQUIRE(::chmod(part.c_str(), 0700) == 0);
  Run({"mount", "-t", "tmpfs", "none", part});
  CHECK(journal.Changes() == part + " ");
  REQUIRE(UnmountIdle(part));
  journal.Mark();
  WriteFile(part + "/below/file", "");
  Run({"mount", "-t", "tmpfs", "none", part});
  CHECK(journal.Changes() == part + "/below ");
  REQUIRE(UnmountIdle(part));
  CHECK(journal.Changes().find(part + "/below/file ") != std::string::npos);
}

TEST_CASE("mounts: mounts below the watch keep no answer from being given") {
  auto filesystem = Make("ext4");
  if (!filesystem) return;
  const std::string tree = filesystem->path("tree");
  for (const char* name : {"tree", "tree/a", "tree/a/b", "tree/old", "elsewhere"}) {
    MakeDirectory(filesystem->path(name));
  }
  WriteFile(tree + "/one", "x");
  REQUIRE(::link((tree + "/one").c_str(), (tree + "/a/two").c_str()) == 0);
  WriteFile(filesystem->path("elsewhere/f"), "x");
  REQUIRE(::link(filesystem->path("elsewhere/f").c_str(),
                 filesystem->path("elsewhere/g").c_str()) == 0);
  PathJournal journal(tree);
  // Attributes below what is covered, a dead directory where a mount is now, a directory that was
  // made to mount something with links on it, and a changed file with another name that is hidden.
  REQUIRE(::chmod((tree + "/a/b").c_str(), 0700) == 0);
  WriteFile(tree + "/old/f", "");
  RemoveTree(tree + "/old");
  MakeDirectory(tree + "/old");
  MakeDirectory(tree + "/new");
  AppendFile(tree + "/one", "more");
  Run({"mount", "-t", "tmpfs", "none", tree + "/a"});
  Run({"mount", "-t", "tmpfs", "none", tree + "/old"});
  Run({"mount", "--bind", filesystem->path("elsewhere"), tree + "/new"});
  const std::string said = journal.Changes();
  CAPTURE(said);
  for (const char* told : {"/tree/a/b ", "/tree/old ", "/tree/new ", "/tree/one "}) {
    CHECK(said.find(told) != std::string::npos);
  }
  CHECK(said.find("hidden") == std::string::npos);
  for (const char* name : {"/a", "/old", "/new"}) REQUIRE(UnmountIdle(tree + name));
}

TEST_CASE("mounts: what is mounted on the way and lacks the tree is not a removal of the tree") {
  auto filesystem = Make("ext4");
  if (!filesystem) return;
  MakeDirectory(filesystem->path("top"));
  MakeDirectory(filesystem->path("top/tree"));
  PathJournal journal(filesystem->path("top/tree"));
  Run({"mount", "-t", "tmpfs", "none", filesystem->path("top")});
  journal.CheckGap("it is not mounted");
  CHECK(journal.watch().absent == "it is not mounted");
  REQUIRE(UnmountIdle(filesystem->path("top")));
  journal.CheckGap("it is not mounted");
  CHECK(journal.HasGap("it was not there"));
  WriteFile(filesystem->path("top/tree/seen"), "");
  CHECK(journal.Changes().find("/tree/seen ") != std::string::npos);
}

TEST_CASE("mounts: a watch inside of a subvolume of a btrfs is answered") {
  auto filesystem = Make("btrfs");
  if (!filesystem) return;
  Run({"btrfs", "subvolume", "create", filesystem->path("sub")});
  MakeDirectory(filesystem->path("sub/tree"));
  PathJournal journal(filesystem->path("sub/tree"));
  WriteFile(filesystem->path("sub/tree/file"), "");
  WriteFile(filesystem->path("sub/outside"), "");
  const std::string said = journal.Changes();
  CAPTURE(said);
  CHECK(said.find(filesystem->path("sub/tree/file") + " ") != std::string::npos);
  CHECK(said.find("outside") == std::string::npos);
  CHECK(journal.out_of_scope() > 0);
}

TEST_CASE("mounts: an answer ends when its tree is mounted over meanwhile") {
  auto filesystem = Make("ext4");
  if (!filesystem) return;
  const std::string tree = filesystem->path("tree");
  MakeDirectory(tree);
  MakeDirectory(filesystem->path("empty"));
  PathJournal journal(tree);
  for (int i = 0; i < 10; ++i) WriteFile(tree + "/" + std::to_string(i), "");
  auto opened = journal.Open();
  REQUIRE(opened);
  std::vector<Change> changes;
  REQUIRE(opened->answer->Next(2, &changes));
  Run({"mount", "--bind", filesystem->path("empty"), tree});
  auto next = opened->answer->Next(2, &changes);
  REQUIRE_FALSE(next);
  CHECK(next.error().code == ErrorCode::kRescanNeeded);
  CHECK(next.error().message.find("mounted over") != std::string::npos);
  REQUIRE(UnmountIdle(tree));
}

}  // namespace
}  // namespace cj
