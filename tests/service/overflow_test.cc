// A queue of the kernel that has a limit, and is given more than it holds.
#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <string>
#include <vector>

#include "tests/service/journal_fixture.h"

namespace cj {
namespace {

constexpr const char* kLimitPath = "/proc/sys/fs/fanotify/max_queued_events";
constexpr const char* kCause = "the kernel dropped events: its queue was full";
constexpr int kMostFiles = 1'000'000;  // many times what the first overflow takes

std::string ReadLimit() {
  std::string text;
  std::getline(std::ifstream(kLimitPath), text);
  return text;
}

void WriteLimit(const std::string& text) {
  std::ofstream file(kLimitPath);
  file << text;
  REQUIRE(file.flush());
}

// The kernel, but for queues of 50 events: fewer than a writer makes between two reads.
class LimitedKernel : public Kernel {
 public:
  Result<std::unique_ptr<EventGroup>> CreateGroup(bool) override {
    const std::string usual = ReadLimit();
    WriteLimit("50");  // counts for groups that are made now
    auto group = LinuxKernel().CreateGroup(/*unlimited_queue=*/false);
    WriteLimit(usual);
    return group;
  }
  Result<std::unique_ptr<EventGroup>> AdoptGroup(UniqueFd fd) override {
    return LinuxKernel().AdoptGroup(std::move(fd));
  }
  UniqueFd OpenFile(const VolumeMount& volume, HandleView object) override {
    return LinuxKernel().OpenFile(volume, object);
  }
  Status Barrier() override { return LinuxKernel().Barrier(); }
  Result<std::vector<SilentWriter>> ScanSilentWriters(
      std::span<const VolumeMount> volumes) override {
    return LinuxKernel().ScanSilentWriters(volumes);
  }
};

TEST_CASE("overflow: it is a gap, which a crawl fills") {
  const std::string type = GENERATE(as<std::string>(), "ext4", "xfs", "btrfs", "tmpfs");
  INFO(type);
  LimitedKernel limited;
  TestJournal journal(type);
  if (!journal.usable()) return;
  MakeDirectory(journal.path("burst"));
  WriteFile(journal.path("old"), "x");
  TestJournal::Age();
  journal.Stop();
  journal.Start(limited);
  journal.AwaitCrawl();
  TestJournal::Age();
  journal.Mark();
  int files = 0;
  while (journal.service().GetStatus().counters.overflows == 0 && files < kMostFiles) {
    for (int i = 0; i < 100; ++i) WriteFile(journal.path("burst/") + std::to_string(++files), "");
  }
  REQUIRE(files < kMostFiles);
  AppendFile(journal.path("old"), "y");
  Question question;
  question.since.token = journal.token();
  auto early = journal.service().OpenAnswer(question);  // the crawl may be quicker
  if (!early) CHECK(early.error().message.find(kCause) != std::string::npos);
  journal.AwaitCrawl();
  const std::vector<std::string> told = journal.Changes();
  for (const std::string& line : told) UNSCOPED_INFO(line);
  INFO(told.size() << " changes of " << files << " files");
  CHECK(std::count(told.begin(), told.end(), "rescan burst recursive") == 1);
  CHECK(std::count(told.begin(), told.end(), "modified old data metadata") == 1);
  const std::vector<PeriodInfo> periods = journal.service().Periods();
  const bool known = std::any_of(periods.begin(), periods.end(), [](const PeriodInfo& period) {
    return std::any_of(period.gaps.begin(), period.gaps.end(),
                       [](const Gap& gap) { return gap.cause == kCause && gap.filled(); });
  });
  CHECK(known);
}

}  // namespace
}  // namespace cj
