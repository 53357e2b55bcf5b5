// The walk of a crawl on real filesystems: what it finds, what it does not enter, its limits.
#include "checkpoint/crawl_walk.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <thread>

#include "fanotify/directories.h"
#include "tests/support/filesystems.h"

namespace cj {
namespace {

using Lines = std::vector<std::string>;

void Make(const std::string& path) { REQUIRE(::mkdir(path.c_str(), 0755) == 0); }
void Write(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  REQUIRE(fd.valid());
  REQUIRE(::write(fd.get(), "x", 1) == 1);
}

// The clock that change times are taken from.
std::int64_t CoarseUsec() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
  return now.tv_sec * 1'000'000LL + now.tv_nsec / 1000;
}

// What is done after this has a change time from the moment on that is returned, and what was done
// before it has an earlier one.
std::int64_t Moment() {
  const std::int64_t moment_usec = Clock::System().RealtimeUsec() + 20'000;
  while (CoarseUsec() <= moment_usec) std::this_thread::yield();
  return moment_usec;
}

struct Walked {
  Status status;
  Lines found;  // "dir/" for a directory, "dir/name" for another thing; below the root; sorted
  std::vector<FileHandle> finished;
  std::uint64_t directories = 0;
  std::uint64_t entries = 0;
};

class Tree {
 public:
  explicit Tree(const std::string& type) {
    auto made = TestFilesystem::Create(type);
    if (!made.has_value()) {
      WARN("SKIPPED: " << made.error().message);
      return;
    }
    filesystem_ = std::make_unique<TestFilesystem>(std::move(made).value());
    ::rmdir(path("lost+found").c_str());
    auto volume = FindVolume(filesystem_->path());
    REQUIRE(volume.has_value());
    watch_.volume = std::move(*volume);
    watch_.volume.id = VolumeId(1);
  }
  bool usable() const { return filesystem_ != nullptr; }
  std::string path(const std::string& name) const { return filesystem_->path(name); }
  Watch& watch() { return watch_; }

  Walked Walk(std::int64_t since_usec, const CrawlLimits& limits = {}, CrawlPart part = {}) {
    if (part.path.empty()) part.path = watch_.volume.path;
    part.since_usec = since_usec;
    Walked walked;
    CrawlCounters counters;
    std::vector<Record> records;
    walked.status = WalkPart(
        watch_, part, limits, Clock::System(), cancelled, counters, [&](WalkFound found) -> Status {
          records.insert(records.end(), found.records.begin(), found.records.end());
          walked.finished.insert(walked.finished.end(), found.finished.begin(),
                                 found.finished.end());
          return sink ? sink() : Status();
        });
    for (const Record& record : records) walked.found.push_back(Describe(record));
    std::sort(walked.found.begin(), walked.found.end());
    walked.directories = counters.directories;
    walked.entries = counters.entries;
    return walked;
  }

  std::atomic<bool> cancelled = false;
  std::function<Status()> sink;

 private:
  std::string Describe(const Record& record) const {
    VolumeMount mount = watch_.volume;
    mount.path = mount.mount_point;  // which no test replaces
    auto directories = OpenDirectories(std::vector<VolumeMount>{mount});
    REQUIRE(directories.has_value());
    auto path = (*directories)->Path(0, record.parent);
    if (!path.has_value()) return "gone";
    std::string below =
        path->path.substr(std::min(watch_.volume.path.size() + 1, path->path.size()));
    if (!below.empty()) below += "/";
    if ((record.operations & kDirectory) != 0) return below.empty() ? "/" : below;
    auto look = (*directories)->Look(0, path->path, record.name);
    CHECK((look.has_value() && look->object == record.object));
    return below + record.name;
  }

  std::unique_ptr<TestFilesystem> filesystem_;
  Watch watch_;
};

void MakeWide(const Tree& tree, int directories, int files) {
  for (int i = 0; i < directories; ++i) {
    const std::string directory = tree.path("d" + std::to_string(i));
    Make(directory);
    for (int j = 0; j < files; ++j) Write(directory + "/f" + std::to_string(j));
  }
}

}  // namespace

TEST_CASE("walk: files that changed, and directories instead of what is in them") {
  const std::string type = GENERATE(as<std::string>(), "ext4", "xfs", "btrfs", "tmpfs");
  Tree tree(type);
  if (!tree.usable()) return;
  MakeWide(tree, 3, 3);
  Make(tree.path("d1/e"));
  Write(tree.path("d1/e/f"));
  Make(tree.path("d2/odd\n\xff name"));
  Write(tree.path("d2/odd\n\xff name/\x01"));
  const std::int64_t since = Moment();
  CHECK(tree.Walk(since).found == Lines{});
  Write(tree.path("d0/f1"));
  Write(tree.path("d1/e/f"));
  Write(tree.path("d2/odd\n\xff name/\x01"));
  CHECK(tree.Walk(since).found == Lines{"d0/f1", "d1/e/f", "d2/odd\n\xff name/\x01"});
  Write(tree.path("d1/new"));
  const Walked walked = tree.Walk(since);
  CHECK(walked.found == Lines{"d0/f1", "d1/", "d2/odd\n\xff name/\x01"});
  CHECK(walked.finished.size() == 3);
  CHECK(tree.Walk(kCrawlEverything).found == Lines{"/"});
}

TEST_CASE("walk: other filesystems, symlinks and mounts of its own are not entered") {
  Tree tree("ext4");
  Tree other("tmpfs");
  if (!tree.usable() || !other.usable()) return;
  Make(tree.path("mount"));
  Make(tree.path("loop"));
  Make(tree.path("d"));
  REQUIRE(::symlink(other.path("").c_str(), tree.path("link").c_str()) == 0);
  REQUIRE(::symlink("..", tree.path("d/up").c_str()) == 0);
  const std::int64_t since = Moment();
  Make(other.path("x"));
  REQUIRE(::mount(other.path("").c_str(), tree.path("mount").c_str(), nullptr, MS_BIND, nullptr) ==
          0);
  REQUIRE(::mount(tree.path("").c_str(), tree.path("loop").c_str(), nullptr, MS_BIND, nullptr) ==
          0);
  const Walked walked = tree.Walk(since);
  ::umount2(tree.path("mount").c_str(), MNT_DETACH);
  ::umount2(tree.path("loop").c_str(), MNT_DETACH);
  CHECK(walked.status.has_value());
  CHECK(walked.found == Lines{});
  CHECK(walked.directories == 2);  // the root and d
}

TEST_CASE("walk: another directory of the same filesystem over the tree is not walked for it") {
  Tree tree("ext4");
  if (!tree.usable()) return;
  Make(tree.path("other"));
  const std::string root = tree.watch().volume.path;
  REQUIRE(::mount(tree.path("other").c_str(), root.c_str(), nullptr, MS_BIND, nullptr) == 0);
  const auto walked = tree.Walk(kCrawlEverything);
  REQUIRE(::umount2(root.c_str(), MNT_DETACH) == 0);
  REQUIRE_FALSE(walked.status);
  CHECK(walked.status.error().code == ErrorCode::kNotFound);
  CHECK(walked.found.empty());
  CHECK(tree.Walk(kCrawlEverything).status);
}

TEST_CASE("walk: excludes are not entered, and what they match is not told") {
  Tree tree("ext4");
  if (!tree.usable()) return;
  MakeWide(tree, 2, 1);
  Make(tree.path("d0/cache"));
  Write(tree.path("d0/cache/f"));
  Write(tree.path("d1/x.o"));
  tree.watch().excludes = {"*/cache", "*.o"};
  const std::int64_t since = Moment();
  Write(tree.path("d0/cache/f"));
  Write(tree.path("d1/x.o"));
  Write(tree.path("d1/f0"));
  CHECK(tree.Walk(since).found == Lines{"d1/f0"});
}

TEST_CASE("walk: a tree that is deeper than any path") {
  Tree tree("ext4");
  if (!tree.usable()) return;
  constexpr int kDepth = 400;
  const std::string name(100, 'n');
  UniqueFd at(::open(tree.path("").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int i = 0; i < kDepth; ++i) {
    REQUIRE(::mkdirat(at.get(), name.c_str(), 0755) == 0);
    at.reset(::openat(at.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    REQUIRE(at.valid());
  }
  const std::int64_t since = Moment();
  Walked walked = tree.Walk(since);
  CHECK(walked.status.has_value());
  CHECK(walked.found == Lines{});
  CHECK(walked.directories == kDepth + 1);
  // With excludes, paths must be made; there is an end to that.
  tree.watch().excludes = {"no such name"};
  CrawlLimits limits;
  limits.max_path = 1000;
  walked = tree.Walk(since, limits);
  REQUIRE(walked.found.size() == 1);
  CHECK(walked.found.front().size() < 1100);
}

TEST_CASE("walk: where no more directories may wait they are walked at once, and then told") {
  Tree tree("tmpfs");
  if (!tree.usable()) return;
  MakeWide(tree, 20, 2);
  Make(tree.path("d7/a"));
  Make(tree.path("d7/a/b"));
  Make(tree.path("d7/a/b/c"));
  Write(tree.path("d7/a/b/c/f"));
  const std::int64_t since = Moment();
  Write(tree.path("d7/a/b/c/f"));
  Write(tree.path("d19/f1"));
  CrawlLimits limits;
  limits.max_waiting = 1;
  CHECK(tree.Walk(since, limits).found == Lines{"d19/f1", "d7/a/b/c/f"});
  limits.max_waiting = 0;
  limits.max_nesting = 3;
  const Walked walked = tree.Walk(since, limits);
  CHECK(walked.status.has_value());
  // The root waits nowhere else: it is the beginning.
  CHECK(walked.found == Lines{"d19/f1", "d7/a/b/c/"});
}

TEST_CASE("walk: what was walked before is walked for later changes, or not at all") {
  Tree tree("ext4");
  if (!tree.usable()) return;
  MakeWide(tree, 3, 2);
  const std::int64_t first = Moment();
  for (const char* name : {"d0/f0", "d1/f0", "d2/f0"}) Write(tree.path(name));
  const std::int64_t second = Moment();
  for (const char* name : {"d0/f1", "d1/f1", "d2/f1"}) Write(tree.path(name));
  auto directories = OpenDirectories(std::vector<VolumeMount>{tree.watch().volume});
  CrawlPart part;
  part.walked = {{*(*directories)->HandleOf(tree.path("d0")), second},
                 {*(*directories)->HandleOf(tree.path("d1")), kCrawlNothing}};
  const Walked walked = tree.Walk(first, {}, part);
  CHECK(walked.found == Lines{"d0/f1", "d2/f0", "d2/f1"});
  CHECK(walked.finished.size() == 2);
}

TEST_CASE("walk: a directory above the root that was replaced") {
  Tree tree("ext4");
  if (!tree.usable()) return;
  for (const char* name : {"a", "a/top", "b", "b/top"}) Make(tree.path(name));
  Write(tree.path("b/top/other"));
  const std::int64_t since = Moment();
  REQUIRE(::renameat2(AT_FDCWD, tree.path("a").c_str(), AT_FDCWD, tree.path("b").c_str(),
                      RENAME_EXCHANGE) == 0);
  tree.watch().volume.path = tree.path("a/top");
  CHECK(tree.Walk(since).found == Lines{"/"});
}

TEST_CASE("walk: part of a tree, and what is none") {
  Tree tree("ext4");
  if (!tree.usable()) return;
  MakeWide(tree, 2, 1);
  const std::int64_t since = Moment();
  Write(tree.path("d0/f0"));
  Write(tree.path("d1/f0"));
  CrawlPart part;
  part.path = tree.path("d1");
  CHECK(tree.Walk(since, {}, part).found == Lines{"d1/f0"});
  // Of a file, and of what is not there any more, only that much is looked at.
  part.path = tree.path("d1/f0");
  const Walked file = tree.Walk(since, {}, part);
  CHECK(file.found == Lines{"d1/f0"});
  CHECK(file.entries == 1);
  for (const char* missing : {"missing", "d1/missing/below", "d1/f0/below"}) {
    part.path = tree.path(missing);
    part.also = 0;
    const Walked walked = tree.Walk(since, {}, part);
    CHECK(walked.status.has_value());
    CHECK(walked.found == (part.path == tree.path("d1/f0/below") ? Lines{"d1/f0"} : Lines{}));
    CHECK(walked.directories == 1);
    part.also = kCrawlAskedFor;  // whoever names it means something that is there
    const bool is_there = tree.Walk(since, {}, part).status.has_value();
    CHECK(is_there == (part.path == tree.path("d1/f0/below")));
  }
  part.also = 0;
  part.path = tree.path("d1/f0");
  REQUIRE(::unlink(part.path.c_str()) == 0);
  CHECK(tree.Walk(since, {}, part).found == Lines{"d1/"});
  tree.watch().volume.fsid.value += 1;
  const Walked walked = tree.Walk(since);
  REQUIRE_FALSE(walked.status.has_value());
  CHECK(walked.status.error().code == ErrorCode::kNotFound);
}

TEST_CASE("walk: it ends when it is cancelled, and when nobody takes what it finds") {
  Tree tree("tmpfs");
  if (!tree.usable()) return;
  MakeWide(tree, 50, 100);
  const std::int64_t since = Moment();
  for (int i = 0; i < 50; ++i) Write(tree.path("d" + std::to_string(i) + "/f0"));
  tree.sink = [] { return Status(Error{ErrorCode::kLimit, "full"}); };
  Walked walked = tree.Walk(since);
  REQUIRE_FALSE(walked.status.has_value());
  CHECK(walked.status.error().message == "full");
  tree.sink = {};
  // At this rate it would take minutes.
  CrawlLimits slow;
  slow.entries_per_second = 10;
  std::thread canceller([&] {
    Moment();
    tree.cancelled = true;
  });
  walked = tree.Walk(since, slow);
  canceller.join();
  REQUIRE_FALSE(walked.status.has_value());
  CHECK(walked.status.error().code == ErrorCode::kCancelled);
  CHECK(walked.entries < 5'000);
}

TEST_CASE("walk: the rate is kept") {
  Tree tree("tmpfs");
  if (!tree.usable()) return;
  MakeWide(tree, 10, 100);
  CrawlLimits limits;
  limits.entries_per_second = 2'000;
  const std::int64_t since = Moment();
  const std::int64_t begin_usec = Clock::System().MonotonicUsec();
  const Walked walked = tree.Walk(since, limits);
  CHECK(walked.entries == 1'010);
  // Half a second, less the slack with which it begins.
  CHECK(Clock::System().MonotonicUsec() - begin_usec > 350'000);
}

TEST_CASE("walk: directories are renamed all the time, in and out of the tree") {
  const std::string type = GENERATE(as<std::string>(), "ext4", "xfs", "btrfs", "tmpfs");
  Tree tree(type);
  if (!tree.usable()) return;
  Make(tree.path("outside"));
  Make(tree.path("tree"));
  for (int i = 0; i < 30; ++i) {
    const std::string directory = tree.path("tree/d" + std::to_string(i));
    Make(directory);
    Make(directory + "/in");
    for (int j = 0; j < 30; ++j) Write(directory + "/in/f" + std::to_string(j));
  }
  REQUIRE(::symlink("/", tree.path("outside/link").c_str()) == 0);
  tree.watch().volume.path = tree.path("tree");
  std::atomic<bool> stop = false;
  std::thread renamer([&] {
    for (int i = 0; !stop; i = (i + 1) % 30) {
      const std::string directory = tree.path("tree/d" + std::to_string(i));
      (void)::rename((directory + "/in").c_str(), tree.path("outside/in").c_str());
      (void)::rename(tree.path("outside/link").c_str(), (directory + "/in").c_str());
      (void)::rename((directory + "/in").c_str(), tree.path("outside/link").c_str());
      (void)::rename(tree.path("outside/in").c_str(), (directory + "/in").c_str());
    }
  });
  for (int round = 0; round < 20; ++round) {
    // Nothing is as new as this: each directory is entered.
    const Walked walked = tree.Walk(kCrawlNothing - 1);
    CHECK(walked.status.has_value());
    CHECK(walked.directories <= 61);
    CHECK(walked.entries <= 30 + 30 + 900);
  }
  stop = true;
  renamer.join();
}

}  // namespace cj
