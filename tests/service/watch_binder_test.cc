// Watched paths whose filesystems are not there, come, go, and are others.
#include "service/watch_binder.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/service/path_journal.h"
#include "tests/support/recording_store.h"

namespace cj {
namespace {

VolumeMount Place(const std::string& uuid, const std::string& mount_point, const std::string& path,
                  dev_t device = 1) {
  VolumeMount place;
  place.identity = {"ext4", uuid};
  place.mount_point = mount_point;
  place.mount_root = "/";
  place.path = path;
  place.device = device;
  return place;
}

TEST_CASE("watches: what it means that a path leads elsewhere") {
  const VolumeMount bound = Place("a", "/mnt/disk", "/mnt/disk/tree");
  CHECK(JudgeMove(bound, bound) == Move::kSame);
  CHECK(JudgeMove(bound, Place("a", "/mnt/disk", "/mnt/disk/tree", 2)) == Move::kReplaced);
  CHECK(JudgeMove(bound, Place("b", "/mnt/disk", "/mnt/disk/tree")) == Move::kReplaced);
  CHECK(JudgeMove(bound, Place("b", "/mnt/disk/tree", "/mnt/disk/tree")) == Move::kReplaced);
  CHECK(JudgeMove(bound, Place("root", "/", "/mnt/disk/tree")) == Move::kUnmounted);
  CHECK(JudgeMove(bound, Place("a", "/", "/mnt/disk/tree")) == Move::kUnmounted);
  // A symbolic link that leads to the filesystem above now.
  CHECK(JudgeMove(bound, Place("root", "/", "/srv/tree")) == Move::kReplaced);
  VolumeMount part = bound;
  part.mount_root = "/part";
  CHECK(JudgeMove(bound, part) == Move::kReplaced);
}

TEST_CASE("watches: a path that is not there at the start is watched when it is") {
  TemporaryDirectory above;
  const std::string path = above.path("later");
  PathJournal journal(path);
  CHECK(journal.watch().absent == "it is not there");
  journal.CheckGap("it is not there");
  // Questions in vain make no periods.
  const std::size_t periods = journal.periods();
  journal.CheckGap("it is not there");
  journal.CheckGap("it is not there");
  CHECK(journal.periods() <= periods + 2);  // each question is a checkpoint of its own
  MakeDirectory(path);
  WriteFile(path + "/unseen", "");
  journal.CheckGap("it was not there");
  CHECK(journal.watch().absent.empty());
  WriteFile(path + "/seen", "");
  CHECK(journal.Changes().find(path + "/seen ") != std::string::npos);
}

TEST_CASE("watches: filesystems that are unmounted and mounted again as another device") {
  for (const std::string type : {"ext4", "xfs", "btrfs"}) {
    INFO(type);
    auto filesystem = Make(type);
    if (!filesystem) continue;
    PathJournal journal(filesystem->path());
    WriteFile(filesystem->path("a"), "");
    CHECK(journal.Changes().find("/a ") != std::string::npos);
    journal.Mark();
    REQUIRE(filesystem->Unmount());
    // What is below the mount point is none of ours.
    WriteFile(filesystem->path("below"), "");
    journal.CheckGap("it is not mounted");
    CHECK(journal.watch().absent == "it is not mounted");
    CHECK(journal.Changes().find("it is not mounted") != std::string::npos);
    Unlink(filesystem->path("below"));
    // The filesystem's own loop device is still held: this one gets another.
    const VolumeMount before = journal.watch().volume;
    const std::string copy = filesystem->image() + ".copy";
    Run({"cp", "--sparse=always", filesystem->image(), copy});
    Run({"mount", "-o", "loop", copy, filesystem->path()});
    WriteFile(filesystem->path("unseen"), "");
    journal.CheckGap("it");
    CHECK(journal.watch().absent.empty());
    CHECK(journal.watch().volume.id == before.id);
    WriteFile(filesystem->path("seen"), "");
    CHECK(journal.Changes().find(filesystem->path("seen") + " ") != std::string::npos);
    REQUIRE(UnmountIdle(filesystem->path()));
  }
}

TEST_CASE("watches: of two filesystems with one UUID only one is watched, and that is said") {
  auto filesystem = Make("ext4");
  if (!filesystem) return;
  TemporaryDirectory above;
  const std::string later = above.path("later");
  Config config;
  config.state_directory = above.path("state");
  for (const std::string& path : {filesystem->path(), later}) {
    config.watches.emplace_back();
    config.watches.back().path = path;
  }
  RecordingStore store;
  WatchBinder binder(config, store);
  REQUIRE(binder.Start());
  CHECK(binder.binding()->watches.at(1).absent == "it is not there");
  const std::string copy = filesystem->image() + ".copy";
  Run({"cp", "--sparse=always", filesystem->image(), copy});
  MakeDirectory(later);
  Run({"mount", "-o", "loop", copy, later});
  for (int look = 0; look < 2; ++look) {
    const Whereabouts seen = binder.Look();
    const Watch watch = binder.binding()->watches.at(1);
    CHECK(watch.absent.find("has the UUID of the one at " + filesystem->path()) !=
          std::string::npos);
    REQUIRE(seen.unwatched.size() == 1);
    CHECK(seen.unwatched.begin()->cause == watch.absent);
    CHECK(binder.binding()->watches.at(0).absent.empty());
  }
  CHECK(binder.Look().changed == nullptr);
  // A start says so as well, and somebody who has just typed it is refused.
  WatchBinder another(config, store);
  REQUIRE(another.Start());
  CHECK(another.binding()->watches.at(0).bound());
  CHECK_FALSE(another.binding()->watches.at(1).bound());
  CHECK(another.binding()->text == binder.binding()->text);
  config.watches[1].must_be_there = true;
  const Status refused = WatchBinder(config, store).Start();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("tune2fs -U random") != std::string::npos);
  config.watches[1].must_be_there = false;
  // Alone it can be watched; until the other one is back, though it has not moved itself.
  REQUIRE(filesystem->Unmount());
  binder.Look();
  CHECK(binder.binding()->watches.at(0).absent == "it is not mounted");
  CHECK_FALSE(binder.binding()->watches.at(0).bound());  // nobody waits for it
  CHECK(binder.binding()->watches.at(1).bound());
  REQUIRE(filesystem->Mount());
  const Whereabouts back = binder.Look();
  CHECK(back.unwatched.size() == 2);
  CHECK(back.changed != nullptr);
  CHECK(binder.binding()->watches.at(0).absent.empty());
  CHECK_FALSE(binder.binding()->watches.at(1).bound());
  // What is below its mount point is not what anybody asked for.
  REQUIRE(UnmountIdle(later));
  CHECK(binder.Look().unwatched.size() == 1);
  CHECK(binder.binding()->watches.at(1).absent == "it is not mounted");
  CHECK_FALSE(binder.binding()->watches.at(1).bound());
  Run({"mount", "-o", "loop", copy, later});
  binder.Look();
  CHECK(binder.binding()->watches.at(1).absent.find("has the UUID of") != std::string::npos);
  REQUIRE(filesystem->Unmount());
  binder.Look();
  CHECK(binder.binding()->watches.at(1).volume.path == later);
  CHECK(binder.binding()->watches.at(1).absent.empty());
  REQUIRE(UnmountIdle(later));
}

TEST_CASE(
    "watches: a copy mounted over a watched directory, and gone again, leaves the directory") {
  auto filesystem = Make("ext4");
  if (!filesystem) return;
  TemporaryDirectory above;
  const std::string copy = filesystem->image() + ".copy";
  Run({"cp", "--sparse=always", filesystem->image(), copy});
  MakeDirectory(filesystem->path("plain"));
  Config config;
  config.state_directory = above.path("state");
  for (const std::string& path : {filesystem->path(), filesystem->path("plain")}) {
    config.watches.emplace_back();
    config.watches.back().path = path;
  }
  RecordingStore store;
  WatchBinder binder(config, store);
  REQUIRE(binder.Start());
  REQUIRE(binder.binding()->watches.at(1).bound());
  Run({"mount", "-o", "loop", copy, filesystem->path("plain")});
  for (int look = 0; look < 2; ++look) {
    binder.Look();
    CHECK(binder.binding()->watches.at(1).absent.find("has the UUID of") != std::string::npos);
  }
  REQUIRE(UnmountIdle(filesystem->path("plain")));
  binder.Look();
  CHECK(binder.binding()->watches.at(1).bound());
  CHECK(binder.binding()->watches.at(1).absent.empty());
  CHECK(binder.Look().unwatched.empty());
}

TEST_CASE("watches: a disk that returns under another number is no twin of what it was") {
  auto filesystem = Make("ext4");
  if (!filesystem) return;
  for (const char* name : {"a", "b"}) MakeDirectory(filesystem->path(name));
  TemporaryDirectory above;
  Config config;
  config.state_directory = above.path("state");
  for (const char* name : {"a", "b"}) {
    config.watches.emplace_back();
    config.watches.back().path = filesystem->path(name);
  }
  RecordingStore store;
  WatchBinder binder(config, store);
  REQUIRE(binder.Start());
  RemoveTree(filesystem->path("a"));
  CHECK(binder.Look().unwatched.empty());
  REQUIRE(filesystem->Unmount());
  const bool seen_away = GENERATE(false, true);
  CAPTURE(seen_away);
  if (seen_away) CHECK(binder.Look().unwatched.size() == 2);
  const std::string copy = filesystem->image() + ".copy";
  Run({"cp", "--sparse=always", filesystem->image(), copy});
  Run({"mount", "-o", "loop", copy, filesystem->path()});
  const Whereabouts seen = binder.Look();
  CHECK(binder.binding()->watches.at(1).absent.empty());
  // Nor does the watch whose directory is gone keep the others from being marked.
  auto there = FindVolume(filesystem->path());
  REQUIRE(there);
  REQUIRE(binder.binding()->volumes.size() == 1);
  CHECK(binder.binding()->volumes.at(0).superblock_device == there->superblock_device);
  CHECK(binder.binding()->volumes.at(0).fsid == there->fsid);
  REQUIRE(seen.changed != nullptr);
  REQUIRE(seen.unwatched.size() == 2);
  CHECK(seen.unwatched.at(0).cause ==
        (seen_away ? "it is not there" : "it was unmounted, and mounted again"));
  CHECK(binder.Look().unwatched.size() == (seen_away ? 1 : 0));
  MakeDirectory(filesystem->path("a"));
  // Where mounts are not numbered for good it may be another one.
  CHECK(binder.Look().unwatched.size() <= 1);
  CHECK(binder.binding()->watches.at(0).absent.empty());
  CHECK(binder.Look().unwatched.empty());
  REQUIRE(UnmountIdle(filesystem->path()));
}

// As long as it lives no descriptor can be opened.
class NoDescriptors {
 public:
  NoDescriptors() {
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
    const UniqueFd lowest(::open("/", O_PATH | O_CLOEXEC));
    rlimit none = before_;
    none.rlim_cur = static_cast<rlim_t>(lowest.get());
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &none) == 0);
  }
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
};

TEST_CASE("watches: who has no descriptors left takes nothing for absent, and looks again") {
  auto filesystem = Make("ext4");
  if (!filesystem) return;
  MakeDirectory(filesystem->path("tree"));
  TemporaryDirectory above;
  Config config;
  config.state_directory = above.path("state");
  config.watches.emplace_back();
  config.watches.back().path = filesystem->path("tree");
  RecordingStore store;
  WatchBinder binder(config, store);
  REQUIRE(binder.Start());
  const bool removed = GENERATE(false, true);
  CAPTURE(removed);
  if (removed) RemoveTree(filesystem->path("tree"));
  bool blind = false;
  bool absent = true;
  {
    const NoDescriptors none;
    blind = binder.Look().blind;
    absent = !binder.binding()->watches.at(0).absent.empty();
  }
  CHECK(blind);
  CHECK_FALSE(absent);
  const Whereabouts seen = binder.Look();
  CHECK_FALSE(seen.blind);
  CHECK(seen.unwatched.empty());
  CHECK(binder.binding()->watches.at(0).absent.empty());
}

TEST_CASE("watches: another filesystem at the path is watched from then on") {
  auto first = Make("ext4");
  auto second = Make("xfs");
  if (!first || !second) return;
  PathJournal journal(first->path());
  const VolumeMount before = journal.watch().volume;
  const std::string device = second->Device();
  REQUIRE(first->Unmount());
  Run({"mount", device, first->path()});
  journal.CheckGap("another filesystem has been mounted there");
  CHECK(journal.watch().volume.identity.type == "xfs");
  CHECK(journal.watch().volume.id != before.id);
  WriteFile(first->path("seen"), "");
  CHECK(journal.Changes().find(first->path("seen") + " ") != std::string::npos);
  // The first one again: a tree of which nothing is known.
  REQUIRE(UnmountIdle(first->path()));
  REQUIRE(first->Mount());
  journal.CheckGap("another filesystem has been mounted there");
  CHECK(journal.watch().volume.id == before.id);
  WriteFile(first->path("seen"), "");
  CHECK(journal.Changes().find(first->path("seen") + " ") != std::string::npos);
}

TEST_CASE(
    "watches: a filesystem that is mounted over the path hides the tree, and bares it again") {
  auto filesystem = Make("ext4");
  if (!filesystem) return;
  MakeDirectory(filesystem->path("tree"));
  PathJournal journal(filesystem->path("tree"));
  Run({"mount", "-t", "tmpfs", "tmpfs", filesystem->path("tree")});
  journal.CheckGap("another filesystem has been mounted there");
  CHECK(journal.watch().volume.identity.type == "tmpfs");
  WriteFile(filesystem->path("tree/over"), "");
  CHECK(journal.Changes().find("/tree/over ") != std::string::npos);
  REQUIRE(UnmountIdle(filesystem->path("tree")));
  journal.CheckGap("another filesystem has been mounted there");
  CHECK(journal.watch().volume.identity.type == "ext4");
  WriteFile(filesystem->path("tree/under"), "");
  CHECK(journal.Changes().find("/tree/under ") != std::string::npos);
}

TEST_CASE("watches: a symbolic link that leads elsewhere") {
  auto filesystem = Make("tmpfs");
  if (!filesystem) return;
  MakeDirectory(filesystem->path("one"));
  MakeDirectory(filesystem->path("two"));
  const std::string link = filesystem->path("link");
  REQUIRE(::symlink("one", link.c_str()) == 0);
  PathJournal journal(link);
  WriteFile(filesystem->path("one/a"), "");
  CHECK(journal.Changes().find("/one/a ") != std::string::npos);
  Unlink(link);
  REQUIRE(::symlink("two", link.c_str()) == 0);
  journal.CheckGap("the path leads to another place now");
  WriteFile(filesystem->path("two/b"), "");
  CHECK(journal.Changes().find("/two/b ") != std::string::npos);
}

TEST_CASE("watches: read-only and back is nothing to be told") {
  auto filesystem = Make("ext4");
  if (!filesystem) return;
  PathJournal journal(filesystem->path());
  Run({"mount", "-o", "remount,ro", filesystem->path()});
  CHECK(journal.Changes().empty());
  Run({"mount", "-o", "remount,rw", filesystem->path()});
  WriteFile(filesystem->path("seen"), "");
  CHECK(journal.Changes().find(filesystem->path("seen") + " ") != std::string::npos);
}

TEST_CASE("watches: a watched directory that is removed and made again is told by its records") {
  auto filesystem = Make("ext4");
  if (!filesystem) return;
  MakeDirectory(filesystem->path("tree"));
  WriteFile(filesystem->path("tree/old"), "");
  PathJournal journal(filesystem->path("tree"));
  RemoveTree(filesystem->path("tree"));
  CHECK(journal.Changes().find("/tree") != std::string::npos);
  CHECK(journal.watch().absent.empty());
  journal.Mark();
  MakeDirectory(filesystem->path("tree"));
  WriteFile(filesystem->path("tree/new"), "");
  CHECK(journal.Changes().find("/tree/new ") != std::string::npos);
}

}  // namespace
}  // namespace cj
