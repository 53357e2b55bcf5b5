// Crawls that are broken off, and what they cannot see in times: on real filesystems.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <map>
#include <thread>

#include "base/unique_fd.h"
#include "tests/service/crawl_tree.h"

namespace cj {
namespace {

// What a crawl has recorded of files, by path.
std::map<std::string, int> CrawledFiles(TestJournal& journal) {
  LogQuestion question;
  auto log = journal.service().OpenLog(question);
  REQUIRE(log.has_value());
  std::map<std::string, int> found;
  std::vector<LogEntry> entries;
  for (bool more = true; more;) {
    auto next = (*log)->Next(100, &entries);
    REQUIRE(next.has_value());
    more = *next;
  }
  for (const LogEntry& entry : entries) {
    const bool file = (entry.record.operations & (kCrawled | kDirectory)) == kCrawled;
    if (file) ++found[entry.path];
  }
  return found;
}

// A tree whose crawl takes some seconds, with one changed file in each of its directories.
constexpr int kSlowDirectories = 30;
constexpr int kSlowFiles = 100;
constexpr std::uint64_t kSlowEntries = kSlowDirectories * (kSlowFiles + 1);

void MakeSlow(TestJournal& journal) {
  journal.Stop();
  for (int i = 0; i < kSlowDirectories; ++i) {
    const std::string directory = journal.path("tree/s" + std::to_string(i));
    MakeDirectory(directory);
    for (int j = 0; j < kSlowFiles; ++j) WriteFile(directory + "/f" + std::to_string(j), "x");
  }
  TestJournal::Age();
  journal.Start();
  journal.AwaitCrawl();
  TestJournal::Age();
  journal.Mark();
  journal.Stop();
  for (int i = 0; i < kSlowDirectories; ++i) {
    AppendFile(journal.path("tree/s" + std::to_string(i) + "/f0"), "y");
  }
  TestJournal::Age();
  journal.config().crawl_rate = 500;
}

int CountSlowFiles(const std::vector<Change>& changes) {
  return static_cast<int>(std::count_if(changes.begin(), changes.end(), [](const Change& change) {
    return change.kind == ChangeKind::kModified && change.data &&
           change.path.find("/f0") != std::string::npos;
  }));
}

}  // namespace

TEST_CASE("crawl: broken off by a stop, it goes on where it was") {
  auto journal = JournalOfTree("ext4");
  if (!journal->usable()) return;
  MakeSlow(*journal);
  journal->Start();
  // Directories of the root have been finished and noted, which is done once a second: at this rate
  // half of the files take some seconds.
  while (journal->service().crawl().counts.entries < kSlowEntries / 2) std::this_thread::yield();
  journal->Stop();
  journal->config().crawl_rate = 0;
  TestJournal::Age();
  journal->Start();
  journal->AwaitCrawl();
  const std::uint64_t second = journal->service().crawl().counts.changed;
  CHECK(second > 0);
  CHECK(second < kSlowDirectories);
  CHECK(CountSlowFiles(ChangesOf(*journal)) == kSlowDirectories);
  CHECK(CrawledFiles(*journal).size() >= kSlowDirectories);
}

TEST_CASE("crawl: broken off by an unmount, it comes again with the filesystem") {
  auto journal = JournalOfTree("ext4");
  if (!journal->usable()) return;
  MakeSlow(*journal);
  const std::string device = journal->filesystem().Device();
  UniqueFd held(::open(device.c_str(), O_RDONLY | O_CLOEXEC));  // or the loop device goes
  journal->Start();
  while (journal->service().crawl().counts.directories < 5) std::this_thread::yield();
  REQUIRE(::umount2(journal->root().c_str(), MNT_DETACH) == 0);
  Question question;
  question.since.token = journal->token();
  while (journal->service().LookForCrawl(question).wait) std::this_thread::yield();
  CHECK_FALSE(journal->service().LookForCrawl(question).obstacle.empty());
  CHECK(journal->service().crawl().counts.entries < kSlowDirectories * kSlowFiles);
  REQUIRE(RunProgram({"mount", device, journal->root()}));
  REQUIRE(journal->service().CheckMounts());
  while (!journal->service().LookForCrawl(question).obstacle.empty()) std::this_thread::yield();
  journal->AwaitCrawl();
  CHECK(CountSlowFiles(ChangesOf(*journal)) == kSlowDirectories);
}

// What was on no disk yet when the filesystem died: EXT4_IOC_SHUTDOWN (ext4.h) and
// XFS_IOC_GOINGDOWN (xfs_fs.h) are one number; 2: without writing its log.
void CutPower(const std::string& mount_point) {
  UniqueFd fd(::open(mount_point.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  std::uint32_t flags = 2;
  REQUIRE(::ioctl(fd.get(), _IOR('X', 125, std::uint32_t), &flags) == 0);
}

// A margin that is longer than what is between a write and a cut, and how long to wait until what
// was done is older than that, and on disk.
constexpr std::int64_t kCutMargin = 1'000'000;

void AgeOnDisk(const TestJournal& journal) {
  const std::int64_t old_usec = Clock::System().RealtimeUsec() + kCutMargin + kCutMargin / 10;
  while (Clock::System().RealtimeUsec() < old_usec) std::this_thread::yield();
  UniqueFd root(::open(journal.root().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  REQUIRE(::syncfs(root.get()) == 0);
}

std::unique_ptr<TestJournal> JournalForCuts(const std::string& type) {
  auto journal = JournalOfTree(type);
  if (!journal->usable()) return journal;
  journal->Stop();
  journal->config().crawl_margin_usec = kCutMargin;
  journal->Start();
  journal->AwaitCrawl();
  AgeOnDisk(*journal);
  return journal;
}

void CutAndRemount(TestJournal* journal) {
  CutPower(journal->root());
  journal->Remount();
  REQUIRE(journal->service().CheckMounts());
  journal->AwaitCrawl();
}

// Of the events of a file only the first of a period is recorded.
TEST_CASE("crawl: a change whose record is old is told as well when it is undone") {
  const std::string type = GENERATE(as<std::string>(), "ext4", "xfs");
  auto journal = JournalForCuts(type);
  if (!journal->usable()) return;
  AppendFile(journal->path("tree/a/d/e/f"), "on disk");
  WriteFile(journal->path("tree/b/made"), "on disk");
  AgeOnDisk(*journal);
  AppendFile(journal->path("tree/a/d/e/f"), "not on disk");
  AppendFile(journal->path("tree/b/made"), "not on disk");
  journal->Mark();  // whoever asks now reads what will be gone
  CutAndRemount(journal.get());
  CHECK(journal->Changes() ==
        Lines{"modified tree/a/d/e/f data metadata", "modified tree/b/made data metadata"});
}

TEST_CASE("crawl: changes that a loss of power has undone are told") {
  const std::string type = GENERATE(as<std::string>(), "ext4", "xfs");
  auto journal = JournalForCuts(type);
  if (!journal->usable()) return;
  AppendFile(journal->path("tree/a/d/e/f"), "not on disk");
  WriteFile(journal->path("tree/b/new"), "not on disk");
  journal->Mark();  // whoever asks now reads what will be gone
  CutAndRemount(journal.get());
  REQUIRE(::access(journal->path("tree/b/new").c_str(), F_OK) != 0);
  CHECK(journal->Changes() ==
        Lines{"modified tree/a/d/e/f data metadata", "rescan tree/b recursive"});
}

TEST_CASE("crawl: what led to a watched tree is told as well when it is undone") {
  const std::string type = GENERATE(as<std::string>(), "ext4", "xfs");
  TestJournal journal(type, "tree");
  if (!journal.usable()) return;
  journal.Stop();
  journal.config().crawl_margin_usec = kCutMargin;
  WriteFile(journal.path("tree/f"), "x");
  AgeOnDisk(journal);
  journal.Start();
  journal.AwaitCrawl();
  AgeOnDisk(journal);
  journal.Mark();
  Rename(journal.path("tree"), journal.path("elsewhere"));
  Rename(journal.path("elsewhere"), journal.path("tree"));
  journal.Mark();
  CHECK(journal.Changes() == Lines{});
  CutAndRemount(&journal);
  CHECK(journal.Changes() == Lines{"rescan tree recursive"});
}

class ShiftedClock : public Clock {
 public:
  std::int64_t RealtimeUsec() const override { return System().RealtimeUsec() + shift_usec; }
  std::int64_t MonotonicUsec() const override { return System().MonotonicUsec(); }
  std::atomic<std::int64_t> shift_usec = 0;
};

TEST_CASE("crawl: where the clock was set back everything counts as changed") {
  auto journal = JournalOfTree("tmpfs");
  if (!journal->usable()) return;
  journal->Stop();
  ShiftedClock clock;
  clock.shift_usec = 3'600'000'000;
  auto service = JournalService::Start(journal->config(), LinuxKernel(), clock);
  REQUIRE(service.has_value());
  Question question;
  question.since.token = (*service)->Checkpoint("")->token;
  service->reset();
  journal->Start();
  journal->AwaitCrawl();
  while (journal->service().LookForCrawl(question).wait) std::this_thread::yield();
  CHECK(journal->ChangesSince(question) == Lines{"rescan tree recursive"});
  bool told = false;
  for (const PeriodInfo& period : journal->service().Periods()) {
    for (const Gap& gap : period.gaps) {
      told |= gap.cause.find("the clock was set back") != std::string::npos;
    }
  }
  CHECK(told);
}

// It may have been changed in the gap, and have moved while the crawl walked to where that had
// been.
TEST_CASE("crawl: of a file that was renamed in an interval with a gap the content is in doubt") {
  auto journal = JournalOfTree("ext4");
  if (!journal->usable()) return;
  journal->Restart([] {});
  journal->AwaitCrawl();
  Rename(journal->path("tree/b/f"), journal->path("tree/b/g"));
  CHECK(Has(journal->Changes(), "renamed tree/b/f -> tree/b/g data metadata"));
  journal->Mark();
  Rename(journal->path("tree/b/g"), journal->path("tree/b/f"));
  CHECK(Has(journal->Changes(), "renamed tree/b/g -> tree/b/f"));
}

TEST_CASE("crawl: who began after the gap is not told of it") {
  auto journal = JournalOfTree("ext4");
  if (!journal->usable()) return;
  journal->Restart([&] { Unlink(journal->path("tree/a/d/f")); });
  journal->Mark();
  AppendFile(journal->path("tree/b/f"), "x");
  journal->AwaitCrawl();
  Question all;
  all.since.token = journal->service().TokenOf(journal->service().Periods().front().id);
  while (journal->service().LookForCrawl(all).wait) std::this_thread::yield();
  CHECK(journal->Changes() == Lines{"modified tree/b/f data"});
}

}  // namespace cj
